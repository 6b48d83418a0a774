/** "Quick Reference", "Current Status" and "Quick Deployment Checklist" of the document. */
import { query, type Step } from './step.ts'

const status = (where: string): string =>
  `curl -s -o /dev/null -w '%{http_code} %{content_type}\\n' http://${where}/metrics`

export const reference: readonly Step[] = [
  {
    heading: 'Quick Reference',
    seed: 'Setup guide, `prometheus.yml`, “Grafana Dashboard: Import the JSON from your existing dashboard and update queries”.',
    text: 'The guide is [monitoring.md](monitoring.md). Nothing has to be updated in the JSON: [from-rsky.md](from-rsky.md).',
    commands: [
      { run: 'promtool check config --syntax-only monitoring/prometheus.yml' },
      { run: 'ls monitoring/dashboards' },
    ],
  },
  {
    heading: 'Current Status',
    seed: 'Backfiller on port 9090, ingester on 4100, indexer on 9090: “metrics implemented and exposed”; Prometheus: “config file deployed”; Grafana: “dashboard needs update for ingester and indexer metrics”.',
    text: 'By the names and ports under which Prometheus reaches them:',
    commands: [
      ...['backfiller1:9090', 'backfiller2:9090', 'ingester:4100', 'indexer1:9090'].map((where) => ({
        run: status(where),
        until: (output: string) => output.startsWith('200 text/plain'),
      })),
      {
        run: 'grep -l ingester_ monitoring/dashboards/*.json; grep -l indexer_ monitoring/dashboards/*.json',
      },
    ],
  },
]

export const checklist: readonly Step[] = [
  {
    heading: '1. Deploy Prometheus Config',
    seed: '`cd …`, “Copy prometheus.yml from rsky repo to here”.',
    text: 'The file is [monitoring/prometheus.yml](../monitoring/prometheus.yml); the rules lie beside it.',
    commands: [
      { run: 'promtool check rules monitoring/rules/*.yml' },
      { run: "grep -E 'job_name|targets|:(4100|9090)' monitoring/prometheus.yml" },
    ],
  },
  {
    heading: '2. Update docker-compose.prod-rust.yml',
    seed: '“Add volume mount to prometheus service: `…/prometheus.yml:/etc/prometheus/prometheus.yml:ro`”.',
    text: 'It is in [compose.yaml](../compose.yaml), with the rules.',
    commands: [{ run: "grep -n 'monitoring/.*:ro' compose.yaml" }],
  },
  {
    heading: '3. Restart Prometheus',
    seed: '`docker compose -f docker-compose.prod-rust.yml restart prometheus`',
    text: 'The process is ended with SIGTERM and started with the same command line. What it had stored is there again.',
    before: (fleet) => fleet.programs.get('prometheus')?.restart() ?? Promise.resolve(),
    commands: [
      {
        run: 'curl -s http://localhost:9090/-/ready',
        inPlaceOf: 'docker compose -f docker-compose.prod-rust.yml restart prometheus',
        until: (output) => output.includes('is Ready'),
      },
      {
        run: query('count_over_time(up{job="rust-ingester"}[1h])'),
        until: (output) => output.includes('ingester:4100'),
      },
    ],
  },
  {
    heading: '4. Verify Metrics Collection',
    seed: 'Three commands, “Backfiller Only”, and the output that is expected of them.',
    commands: [
      {
        run: "curl http://localhost:9090/api/v1/targets | jq '.data.activeTargets[] | {job: .labels.job, health: .health}'",
        until: (output) =>
          !output.includes('"down"') && !output.includes('"unknown"') && output.includes('rust-indexer'),
      },
      { run: 'curl http://localhost:9091/metrics | grep backfiller', lines: 24 },
      {
        run: "curl -s http://localhost:9091/metrics | grep -E '^backfiller_(repos_(processed|failed)_total|records_extracted_total|output_stream_length)'",
        until: (output) =>
          /repos_processed_total [1-9]/.test(output) && output.trim().split('\n').length === 4,
      },
      {
        run: "curl -s http://localhost:9092/metrics | grep -E '^backfiller_(repos_(processed|failed)_total|records_extracted_total|output_stream_length)'",
        until: (output) =>
          /repos_processed_total [1-9]/.test(output) && output.trim().split('\n').length === 4,
      },
    ],
  },
]
