import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKFILLER_METRICS } from '../../src/backfiller/metrics.ts'
import { missingFromScrape } from '../../src/monitoring/declarations.ts'
import { scrape } from '../../src/monitoring/registry.ts'
import { STORE_METRICS, STREAM_METRICS, streamMetrics } from '../../src/monitoring/stream-metrics.ts'
import { openTestLog, openTestNetwork, queue, startBackfiller, until } from './testing.ts'

test('every series is there at 0 before anything has happened', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t, { accounts: 2, records: 4 })]
  const { registry } = startBackfiller(t, { log, plcUrl: network.plcUrl })
  const { text, failures } = await scrape(registry)
  assert.deepEqual(failures, [])
  const input = Object.values(streamMetrics(['repo_backfill'], async () => []))
  const others = BACKFILLER_METRICS.filter((spec) => !STREAM_METRICS.includes(spec))
  assert.deepEqual(missingFromScrape(text, [...others, ...input]), [])
})

/**
 * Moved by causes that need a store or records of their own: output.test.ts. The long wait: failures.test.ts. Streams and
 * stores: on each kind of store, in src/stream.
 */
const ELSEWHERE = [
  ...[...STREAM_METRICS, ...STORE_METRICS].map(({ name }) => name),
  'backfiller_store_retries_total',
  'backfiller_records_dropped_total',
  'backfiller_repos_postponed_total',
  // Its cause is a defect: accounts.test.ts makes some.
  'backfiller_conservation_residual',
]

test('every metric moves when its cause happens', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t, { accounts: 20 })]
  const dids = network.truth().accounts.map(({ did }) => did)
  const target = 'com.atproto.sync.getRepo'
  network.setFault('bad_signature', { target: dids[0] ?? '', times: 3 })
  network.setFault('missing_block', { target: dids[1] ?? '', times: 3 })
  network.setFault('slow_car', { target: 'repo', times: 5, bytesPerSecond: 20_000 })
  network.setFault('http_429', { target, times: 2 })
  network.setFault('http_5xx', { target, times: 3 })
  await log.append('repo_backfill', [{ repo: '{' }])
  await queue(log, [...dids, 'did:plc:unknown2222222222222222', ...dids])
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl, concurrency: 4, highWaterMark: 600 })
  const wanted = new Set<string>(
    BACKFILLER_METRICS.map(({ name }) => name).filter((name) => !ELSEWHERE.includes(name)),
  )
  await until(async () => {
    const { text } = await scrape(running.registry)
    for (const line of text.split('\n')) {
      const moved = /^(\w+?)(?:_count)?(?:\{.*\})? (?!0$)[\d.e+]+$/.exec(line)
      if (moved?.[1] !== undefined) wanted.delete(moved[1])
    }
    return wanted.size === 0
  }).catch(() => assert.deepEqual([...wanted], []))
})
