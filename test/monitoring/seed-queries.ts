/**
 * What the seed document asks of Prometheus, and the proof that three running services answer it. The expressions are the
 * document's own, letter by letter.
 */
import assert from 'node:assert/strict'
import { sleep } from '../../src/lib/backoff.ts'
import { CONTRACT } from '../../src/monitoring/contract.ts'
import type { ServiceName } from '../../src/monitoring/status.ts'
import { type Prometheus, type Series, type ServicePorts, startPrometheus } from './prometheus.ts'

/** "Grafana Dashboard Queries" and "System Health Dashboard". */
export const SEED_QUERIES = [
  'rate(backfiller_repos_processed_total[5m])',
  'rate(backfiller_records_extracted_total[5m])',
  'sum(backfiller_output_stream_length)',
  'rate(backfiller_repos_failed_total[5m])',
  'rate(ingester_firehose_events_total[5m])',
  'sum(rate(indexer_events_processed_total[5m]))',
  'sum(rate(indexer_db_writes_total[5m]))',
  'up{job="rust-ingester"}',
  'up{job="rust-backfiller"}',
  'up{job="rust-indexer"}',
] as const

/** "Alerting Rules": each is a measured side compared with a limit; an alert that is quiet is an empty comparison. */
export const SEED_ALERTS = [
  {
    name: 'BackfillerHighErrorRate',
    measured: 'rate(backfiller_repos_failed_total[5m])',
    limit: '> 10',
    hold: '5m',
  },
  { name: 'IndexerConsumerGroupLag', measured: 'indexer_pending_messages', limit: '> 100000', hold: '10m' },
  { name: 'IngesterBackpressure', measured: 'ingester_backpressure_active', limit: '== 1', hold: '5m' },
] as const

const DEADLINE_MS = 60_000

const seedRules = (): string => {
  const rules = SEED_ALERTS.map(
    ({ name, measured, limit, hold }) =>
      `      - alert: ${name}\n        expr: ${measured} ${limit}\n        for: ${hold}\n`,
  )
  return `groups:\n  - name: rsky_alerts\n    rules:\n${rules.join('')}`
}

type SeedQueryOptions = { readonly prometheusBinary: string; readonly ports: ServicePorts }

/** Every answer by its expression, for whoever wants to look at the values. */
export type SeedAnswers = ReadonlyMap<string, readonly Series[]>

/**
 * Scrapes the three services with a real Prometheus and requires: all targets up; a non-empty answer to every query of the
 * seed; every metric of the contract present under the job of its service; the measured side of every alert non-empty, its
 * comparison computable, and the rule loaded and healthy.
 */
export const assertSeedQueries = async (options: SeedQueryOptions): Promise<SeedAnswers> => {
  await using prometheus = await startPrometheus(options.prometheusBinary, options.ports, seedRules())
  const answers = new Map<string, readonly Series[]>()
  const require = async (expression: string) =>
    answers.set(expression, await answerTo(prometheus, expression))
  for (const expression of SEED_QUERIES) await require(expression)
  for (const { measured, limit } of SEED_ALERTS) {
    await require(measured)
    await require(`${measured} ${limit.replace(' ', ' bool ')}`)
  }
  for (const expression of contractQueries()) await require(expression)
  await assertRulesHealthy(prometheus)
  return answers
}

const contractQueries = (): string[] =>
  (Object.keys(CONTRACT) as ServiceName[]).flatMap((service) =>
    CONTRACT[service].map(({ name }) => `${name}{job="rust-${service}"}`),
  )

/** A first scrape takes a moment and a rate needs two: asks until there is an answer or the deadline has passed. */
const answerTo = async (prometheus: Prometheus, expression: string): Promise<readonly Series[]> => {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const series = await prometheus.query(expression)
    const down = expression.startsWith('up{') && series.some(({ value }) => value !== 1)
    if (series.length > 0 && !down) return series
    assert.ok(Date.now() < deadline, `Prometheus has no answer to ${expression}`)
    await sleep(200)
  }
}

const assertRulesHealthy = async (prometheus: Prometheus): Promise<void> => {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const rules = await prometheus.alertRules()
    assert.deepEqual(rules.map(({ name }) => name).sort(), SEED_ALERTS.map(({ name }) => name).sort())
    if (rules.every(({ health }) => health === 'ok')) return
    const failed = rules.find(({ health }) => health === 'err')
    assert.equal(failed, undefined, `${failed?.name}: ${failed?.lastError}`)
    assert.ok(Date.now() < deadline, 'the alert rules were never evaluated')
    await sleep(200)
  }
}
