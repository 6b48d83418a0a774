import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkContract, CONTRACT } from './contract.ts'
import { checkDeclarations, missingFromScrape } from './declarations.ts'
import { metricsPage } from './docs.ts'
import type { MetricSpec } from './metrics.ts'
import { commonMetrics } from './registry.ts'

const fine: MetricSpec = {
  name: 'demo_events_total',
  type: 'counter',
  help: 'Events of the demo.',
  cause: 'an event arrives',
  labels: { outcome: ['kept', 'dropped'] },
}

test('the common declarations obey the rules', () => {
  assert.deepEqual(checkDeclarations(Object.values(commonMetrics('ingester', '1.0.0', 'unknown'))), [])
  assert.deepEqual(checkDeclarations([fine]), [])
})

const broken: readonly (readonly [string, Partial<MetricSpec>, RegExp])[] = [
  ['a counter without _total', { name: 'demo_events' }, /must end in _total/],
  ['a gauge with _total', { type: 'gauge' }, /ends in _total but is a gauge/],
  ['a unit that is not a base unit', { name: 'demo_wait_ms_total' }, /base unit/],
  ['a histogram without a unit', { name: 'demo_wait', type: 'histogram' }, /unit it measures/],
  ['a name with capitals', { name: 'demoEvents_total' }, /lower-case/],
  ['no help', { help: ' ' }, /needs a help text/],
  ['no cause', { cause: '' }, /needs a cause/],
  ['a label without end', { labels: { did: ['did:plc:a'] } }, /have no end/],
  ['a label of Prometheus', { labels: { job: ['a'] } }, /belongs to Prometheus/],
  ['a label without values', { labels: { outcome: [] } }, /no series exists at boot/],
  ['a value named twice', { labels: { outcome: ['a', 'a'] } }, /names a value twice/],
  ['too many series', { labels: { outcome: Array.from({ length: 201 }, (_, i) => `v${i}`) } }, /201 series/],
  ['a counter that is read at scrape', { collect: () => 1 }, /only a gauge is read/],
  ['buckets that fall', { type: 'histogram', name: 'demo_wait_seconds', buckets: [2, 1] }, /must rise/],
]

for (const [what, change, sentence] of broken) {
  test(`the declaration check finds ${what}`, () => {
    assert.match(checkDeclarations([{ ...fine, ...change }]).join('\n'), sentence)
  })
}

test('the declaration check finds a name declared twice', () => {
  assert.match(checkDeclarations([fine, fine]).join('\n'), /declared twice/)
})

test('a scrape that lacks a declared series is told by the name of that series', () => {
  const histogram: MetricSpec = {
    name: 'demo_wait_seconds',
    type: 'histogram',
    help: 'Waiting time.',
    cause: 'waiting',
  }
  const text = [
    '# HELP demo_events_total Events',
    'demo_events_total{outcome="kept"} 0',
    'demo_wait_seconds_bucket{le="+Inf"} 0',
    'demo_wait_seconds_sum 0',
    'demo_wait_seconds_count 0',
  ].join('\n')
  assert.deepEqual(missingFromScrape(text, [fine, histogram]), ['demo_events_total{outcome="dropped"}'])
})

test('series are compared by their labels whatever their order or escapes', () => {
  const spec: MetricSpec = { ...fine, labels: { b: ['x"y\\z'], a: ['1'] } }
  assert.deepEqual(missingFromScrape('demo_events_total{a="1",b="x\\"y\\\\z"} 0\n', [spec]), [])
})

test('the contract holds every name of the seed and finds a missing name, a wrong type and a label', () => {
  const seed = Object.values(CONTRACT).flatMap((list) => list.filter(({ origin }) => origin === 'seed'))
  assert.equal(seed.length, 8 + 11 + 12)
  const all = Object.values(CONTRACT).flat()
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length)
  const specs = CONTRACT.backfiller.map(({ name, type }) => ({ name, type, help: '', cause: '' }))
  assert.deepEqual(checkContract('backfiller', specs), [])
  const [first, second, ...rest] = specs
  assert.ok(first && second)
  const wrong = [
    { ...first, type: 'gauge' as const },
    ...rest.slice(1),
    { ...second, labels: { reason: ['a'] } },
  ]
  const sentences = checkContract('backfiller', wrong)
  assert.equal(sentences.length, 3)
  assert.match(sentences[0] ?? '', /declared as a gauge; the contract says counter/)
  assert.match(sentences[1] ?? '', /carries the label reason/)
  assert.match(sentences[2] ?? '', /does not declare/)
})

test('the page lists every declaration once, by service and name, with its labels, cause and origin', () => {
  const seed: MetricSpec = {
    name: 'ingester_errors_total',
    type: 'counter',
    help: 'All | errors.',
    cause: 'an error',
  }
  const page = metricsPage({ ingester: [seed, fine] })
  assert.ok(page.indexOf('demo_events_total') < page.indexOf('ingester_errors_total'))
  assert.match(
    page,
    /\| `demo_events_total` \| counter \| `outcome`: kept, dropped \| Events of the demo\. \| an event arrives \|/,
  )
  assert.match(
    page,
    /\| `ingester_errors_total` \| counter \| {2}\| All \\\| errors\. \| an error \| seed \|/,
  )
  assert.equal(page, metricsPage({ ingester: [fine, seed] }))
})
