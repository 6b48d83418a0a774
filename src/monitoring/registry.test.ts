import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingFromScrape } from './declarations.ts'
import { registerMetrics } from './metrics.ts'
import { commonMetrics, createRegistry, scrape } from './registry.ts'

test('a new registry already tells its build, its process and its failed readings', async () => {
  const { text, failures } = await scrape(createRegistry('indexer', '1.2.3+abc1234'))
  assert.deepEqual(failures, [])
  assert.match(text, /^build_info\{service="indexer",version="1\.2\.3",commit="abc1234"\} 1$/m)
  assert.match(text, /^monitoring_collect_errors_total 0$/m)
  for (const name of [
    'process_cpu_seconds_total',
    'process_start_time_seconds',
    'nodejs_heap_size_used_bytes',
  ]) {
    assert.match(text, new RegExp(`^${name} \\S+$`, 'm'))
  }
  assert.match(text, /^nodejs_gc_duration_seconds_count\{kind="major"\} 0$/m)
  assert.ok(text.endsWith('\n'))
})

test('three services of one process each have a registry of their own', async () => {
  const names = ['ingester', 'backfiller', 'indexer'] as const
  for (const name of names) {
    const { text } = await scrape(createRegistry(name, '1.0.0'))
    assert.match(text, new RegExp(`build_info\\{service="${name}"`))
  }
})

test('every declared series is at 0 from boot, and moves only in its own registry', async () => {
  const specs = {
    events: {
      name: 'demo_events_total',
      type: 'counter',
      help: 'Events of the demo.',
      cause: 'an event',
      labels: { stream: ['live', 'backfill'], outcome: ['kept', 'dropped'] },
    },
    seconds: {
      name: 'demo_duration_seconds',
      type: 'histogram',
      help: 'How long it took.',
      cause: 'an event',
      labels: { stream: ['live'] },
      buckets: [0.1, 1],
    },
    depth: { name: 'demo_depth', type: 'gauge', help: 'How deep it is.', cause: 'water' },
  } as const
  const [one, other] = [createRegistry('ingester', '1'), createRegistry('indexer', '1')]
  const metrics = registerMetrics(one, specs)
  registerMetrics(other, specs)
  const declared = [...Object.values(specs), ...Object.values(commonMetrics('ingester', '1', 'unknown'))]
  assert.deepEqual(missingFromScrape((await scrape(one)).text, declared), [])
  metrics.events.inc({ stream: 'live', outcome: 'kept' }, 3)
  assert.match((await scrape(one)).text, /^demo_events_total\{stream="live",outcome="kept"\} 3$/m)
  assert.match((await scrape(other)).text, /^demo_events_total\{stream="live",outcome="kept"\} 0$/m)
})

test('a reading that fails or hangs costs that metric only, and is counted', async () => {
  const registry = createRegistry('ingester', '1')
  let broken = true
  const slow = Promise.withResolvers<number>()
  registerMetrics(registry, {
    length: {
      name: 'demo_length',
      type: 'gauge',
      help: 'Length of it.',
      cause: 'growth',
      collect: () => {
        if (broken) throw new Error('the store is away')
        return 7
      },
    },
    age: {
      name: 'demo_age',
      type: 'gauge',
      help: 'Age of it.',
      cause: 'time',
      collect: () => (broken ? slow.promise : 8),
    },
    fine: { name: 'demo_fine', type: 'gauge', help: 'Always fine.', cause: 'luck', collect: async () => 9 },
  })
  const first = await scrape(registry, 50)
  assert.deepEqual(first.failures.map(({ name }) => name).sort(), ['demo_age', 'demo_length'])
  assert.doesNotMatch(first.text, /demo_length|demo_age/)
  assert.match(first.text, /^demo_fine 9$/m)
  const meanwhile = await scrape(registry, 60_000)
  assert.match(String(meanwhile.failures.find(({ name }) => name === 'demo_age')?.error), /an earlier scrape/)
  broken = false
  slow.resolve(3)
  await new Promise((resolve) => setImmediate(resolve))
  const second = await scrape(registry, 2_000)
  assert.deepEqual(second.failures, [])
  assert.match(second.text, /^monitoring_collect_errors_total 4$/m)
  assert.match(second.text, /^demo_length 7$/m)
})
