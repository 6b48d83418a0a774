/** The linter finds nothing in our rules, and finds each fault in a copy that has it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { BACKFILLER_METRICS } from '../../../src/backfiller/metrics.ts'
import { INDEXER_METRICS } from '../../../src/indexer/metrics.ts'
import { INGESTER_METRICS } from '../../../src/ingester/metrics.ts'
import type { Alert } from '../../../src/monitoring/alerts/alert.ts'
import { productionClock } from '../../../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../../../src/monitoring/alerts/index.ts'
import { commonMetrics } from '../../../src/monitoring/registry.ts'
import { catalogueOf, ruleFaults } from './lint.ts'

const groups = ruleGroups(productionClock)
const specs = [
  ...INGESTER_METRICS,
  ...BACKFILLER_METRICS,
  ...INDEXER_METRICS,
  ...Object.values(commonMetrics('ingester', '1.0.0', 'unknown')),
]
const catalogue = catalogueOf(specs, groups)

test('the linter has nothing to say about any rule', () => {
  assert.deepEqual(ruleFaults(groups, catalogue), [])
})

const fine: Alert = {
  name: 'Fine',
  expr: 'rate(indexer_errors_total[5m]) > 1',
  forSeconds: 60,
  severity: 'warning',
  service: 'indexer',
  summary: '{{ $value }} at {{ $labels.instance }}',
  description: 'It is fine. Check first nothing.',
  dashboard: 'indexer',
}

const broken: readonly (readonly [string, Partial<Alert>, RegExp])[] = [
  ['nothing compared', { expr: 'rate(indexer_errors_total[5m])' }, /nothing is compared/],
  ['a counter read raw', { expr: 'indexer_errors_total > 1' }, /a counter read raw/],
  ['a rate of a gauge', { expr: 'rate(db_pool_waiting[5m]) > 1' }, /no counter/],
  ['a trend of a counter', { expr: 'deriv(indexer_errors_total[5m]) > 1' }, /of the counter/],
  ['a range of one scrape', { expr: 'rate(indexer_errors_total[20s]) > 1' }, /less than two scrapes/],
  ['a rate of a sum', { expr: 'rate(sum(indexer_errors_total)[5m:1m]) > 1' }, /a rate of a sum/],
  [
    'a whole bound of a bucket',
    { expr: 'rate(indexer_freshness_seconds_bucket{le="30"}[5m]) > 1' },
    /has le="30.0" in Prometheus 3/,
  ],
  ['a rate of a choice', { expr: 'rate((indexer_errors_total > 3)[5m:]) > 1' }, /a rate of a sum/],
  [
    'a metric that nobody exports',
    { expr: 'rate(indexer_eror_total[5m]) > 1' },
    /nobody exports indexer_eror_total/,
  ],
  ['a label that it has not', { expr: 'rate(indexer_errors_total{kind="a"}[5m]) > 1' }, /has no label kind/],
  [
    'a value that never is',
    { expr: 'rate(ingester_frame_bytes_total{part="x"}[5m]) > 1' },
    /never has part = x/,
  ],
  [
    'a label that the target has too',
    { expr: 'rate(ingester_errors_total{type="parse_failed"}[5m]) > 1' },
    /exported_type/,
  ],
  [
    'a split by a label that the target has too',
    { expr: 'sum by (type, instance) (rate(ingester_errors_total[5m])) > 1' },
    /split by type/,
  ],
  [
    'a bucket that is not',
    { expr: 'rate(indexer_batch_seconds_bucket{le="7.5"}[5m]) > 1' },
    /never has le = 7/,
  ],
  [
    'a label that did not survive',
    { expr: 'sum(rate(indexer_errors_total[5m])) > 1' },
    /its words name instance/,
  ],
  [
    'absent() at once',
    { expr: 'absent(up{job="a", instance="b"}) == 1', forSeconds: 0 },
    /fires at every restart/,
  ],
  ['a summary without the value', { summary: 'Bad' }, /does not say the value/],
  ['nothing to check first', { description: 'Bad.' }, /what to check first/],
]

for (const [what, change, sentence] of broken) {
  test(`the linter finds ${what}`, () => {
    assert.deepEqual(ruleFaults([{ name: 'g', alerts: [fine] }], catalogue), [])
    const faults = ruleFaults([{ name: 'g', alerts: [{ ...fine, ...change }] }], catalogue)
    assert.match(faults.join('\n'), sentence)
  })
}

test('the linter finds a name and an expression used twice', () => {
  const faults = ruleFaults([{ name: 'g', alerts: [fine, fine] }], catalogue)
  assert.match(faults.join('\n'), /a name used twice\nFine: the same expression/)
})

const runbook = (name: string): URL => new URL(`../../../docs/runbooks/${name}.md`, import.meta.url)
const pending = existsSync(new URL('.', runbook('x'))) ? false : 'docs/runbooks is not written yet'

test('every alert has its runbook', { skip: pending }, () => {
  const names = groups.flatMap(({ alerts = [] }) => alerts.map(({ name }) => name))
  assert.deepEqual(
    names.filter((name) => !existsSync(runbook(name))),
    [],
  )
})
