/** "Troubleshooting" and "Next Steps" of the document: each tree on a fleet that has the trouble. */
import type { Fleet } from './fleet.ts'
import { query, type Step } from './step.ts'

const PROCESS = 'ps -o pid,etime,args --ppid "$FLEET"'
const TARGET = `curl -s http://localhost:9090/api/v1/targets | jq -c '.data.activeTargets[] | select(.labels.job == "rust-ingester") | {job: .labels.job, instance: .labels.instance, health}'`

const restart =
  (name: string) =>
  async ({ programs }: Fleet): Promise<void> =>
    programs.get(name)?.restart()

const down: readonly Step[] = [
  {
    heading: 'Prometheus shows "DOWN" for targets',
    seed: 'Three checks: the process, the endpoint, the network.',
    text: 'The ingester is killed with SIGKILL.',
    before: ({ programs }) => programs.get('ingester')?.kill() ?? Promise.resolve(),
    commands: [{ run: TARGET, until: (output) => output.includes('"down"') }],
  },
  {
    heading: '1. Check service is running',
    seed: '`docker ps | grep rust-ingester`',
    text: 'Without a container the process is looked for. First while it is away, then after its start:',
    commands: [
      {
        run: `${PROCESS} | grep -c '[m]ain.ts ingester' || true`,
        inPlaceOf: 'docker ps | grep rust-ingester',
        until: (output) => output.trim() === '0',
      },
    ],
  },
  {
    heading: '1. Check service is running: started again',
    seed: '`docker ps | grep rust-ingester`',
    before: ({ programs }) => programs.get('ingester')?.start() ?? Promise.resolve(),
    commands: [
      {
        run: `${PROCESS} | grep '[m]ain.ts ingester' | sed -E 's/--ingester-metrics-port.*//'`,
        inPlaceOf: 'docker ps | grep rust-ingester',
      },
    ],
  },
  {
    heading: '2. Check metrics endpoint responds',
    seed: '`docker exec rust-ingester curl http://localhost:4100/metrics`',
    commands: [
      {
        run: 'curl http://localhost:4100/metrics',
        inPlaceOf: 'docker exec rust-ingester curl http://localhost:4100/metrics',
        lines: 12,
      },
    ],
  },
  {
    heading: '3. Check network connectivity',
    seed: '`docker exec prometheus wget -O- http://ingester:4100/metrics`',
    text: 'By the same name and on the same road that Prometheus takes, and what Prometheus itself says of it:',
    commands: [
      {
        run: 'wget -q -O- http://ingester:4100/metrics',
        inPlaceOf: 'docker exec prometheus wget -O- http://ingester:4100/metrics',
        lines: 6,
      },
      { run: TARGET, until: (output) => output.includes('"up"') },
    ],
  },
]

const still: readonly Step[] = [
  {
    heading: 'Metrics not updating',
    seed: 'Code, logs, restart.',
    text: 'Whether a counter stands still is itself a question to Prometheus: how often each changed in a minute.',
    commands: [
      {
        run: query('changes(ingester_firehose_events_total[1m])'),
        until: (output) => /"value":"[1-9]/.test(output),
      },
    ],
  },
  {
    heading: '1. Verify metrics are being incremented in code',
    seed: '“Verify metrics are being incremented in code”.',
    text: 'What moves each metric is in [metrics.md](metrics.md), and a test moves each by that cause.',
    commands: [
      { run: "grep -n '`ingester_firehose_events_total`' docs/metrics.md" },
      { run: "grep -rn 'firehoseEvents' src/ingester --include='*.ts' | grep -v test" },
    ],
  },
  {
    heading: '2. Check service logs for errors',
    seed: '“Check service logs for errors”.',
    text: 'The log is JSON, a line per message, on standard error: `docker logs` where there are containers. By level (30 is information, 40 a warning, 50 an error):',
    commands: [
      {
        run: `jq -r '"\\(.level) \\(.msg)"' "$LOGS/ingester.log" "$LOGS/backfiller1.log" | sort | uniq -c | sort -rn`,
        inPlaceOf: 'docker logs rust-ingester',
        lines: 12,
      },
    ],
  },
  {
    heading: '3. Restart the service',
    seed: '“Restart the service”.',
    text: 'SIGTERM, and the same command line again. Prometheus has seen one restart, and rates go on across it.',
    before: restart('backfiller1'),
    commands: [
      {
        run: query('changes(process_start_time_seconds{instance="backfiller1:9090"}[1h])'),
        until: (output) => output.includes('"value":"1"'),
      },
      { run: query('up{instance="backfiller1:9090"}'), until: (output) => output.includes('"value":"1"') },
    ],
  },
]

const noData: readonly Step[] = [
  {
    heading: 'Grafana shows "No Data"',
    seed: 'Four checks: data source, names, time range, last scrape.',
    text: 'Grafana itself does not run here. What it would ask is asked, and a test asks every panel of every dashboard: [dashboards.md](dashboards.md).',
    commands: [{ run: query('up{job="rust-ingester"}') }],
  },
  {
    heading: '1. Verify Prometheus data source is configured correctly',
    seed: '“Verify Prometheus data source is configured correctly”.',
    commands: [
      { run: "grep -E '^ +(uid|url):' monitoring/grafana/provisioning/datasources/prometheus.yaml" },
      {
        run: "curl -s 'http://prometheus:9090/api/v1/query?query=1' | jq -c '{status}'",
        until: (output) => output.includes('success'),
      },
    ],
  },
  {
    heading: '2. Check metric names match dashboard queries',
    seed: '“Check metric names match dashboard queries”.',
    text: '`millrace doctor` compares every name in dashboards and rules with what the targets export.',
    commands: [
      {
        run: "node src/cli/main.ts doctor --only prometheus --prometheus http://localhost:9090 --probe-timeout 60s --json | jq -c '.groups[].findings[] | {id, severity, what}'",
        until: (output) => /prometheus\.names","severity":"ok"/.test(output),
      },
    ],
  },
  {
    heading: '3. Verify time range includes data',
    seed: '“Verify time range includes data”.',
    commands: [
      {
        run: query('count_over_time(up{job="rust-ingester"}[5m])'),
        until: (output) => /"value":"[1-9]/.test(output),
      },
    ],
  },
  {
    heading: '4. Check Prometheus has scraped the target recently',
    seed: '“Check Prometheus has scraped the target recently”.',
    text: 'Seconds since the last scrape of each target:',
    commands: [{ run: query('round(time() - timestamp(up), 0.1)') }],
  },
]

const next: readonly Step[] = [
  {
    heading: 'Next Steps',
    seed: '“Deploy prometheus.yml”, “Implement ingester metrics”, “Implement indexer metrics”, “Update Grafana dashboard”, “Set up alerting rules”, “Create runbooks for common alerts”.',
    text: 'All six are done. Alerts, and the runbooks for them:',
    commands: [
      { run: "grep -h -o 'alert: .*' monitoring/rules/*.yml | wc -l" },
      { run: 'ls docs/runbooks | grep -vc README' },
      { run: query('count by (job) (count by (job, __name__) ({job=~"rust-.*"}))') },
    ],
  },
  {
    heading: 'Related Documentation',
    seed: '`PROMETHEUS_SETUP.md`, `prometheus.yml`, `docker-compose.prod-rust.yml`, `CLAUDE.md` (production deployment guide).',
    text: '[monitoring.md](monitoring.md), [prometheus.yml](../monitoring/prometheus.yml), [compose.yaml](../compose.yaml), [operations.md](operations.md).',
    commands: [{ run: 'ls docs/monitoring.md monitoring/prometheus.yml compose.yaml docs/operations.md' }],
  },
]

export const trees: readonly (readonly Step[])[] = [down, still, noData, next]
