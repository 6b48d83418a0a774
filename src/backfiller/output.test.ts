import { Registry } from '@prometheus-io/client'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VerifiedRepo } from '../atproto/repo.ts'
import { TransientError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import type { Fields, Log } from '../stream/log.ts'
import { openAccounts } from './accounts.ts'
import { registerBackfillerMetrics } from './metrics.ts'
import { settingsOf } from './options.ts'
import { OutputGate } from './output-gate.ts'
import { writeRepo, type OutputContext } from './output.ts'

const none = () => Promise.resolve(0)
const snapshot = { did: 'did:plc:a', commit: 'bafyc', rev: '3l4cjkha6a7x2', time: '2026-01-02T03:04:05.678Z' }

const contextOn = (append: (entries: readonly Fields[]) => Promise<void>) => {
  const registry = new Registry()
  const readings = {
    waiting: none,
    outputLength: none,
    deadLetters: none,
    memoryBytes: () => 0,
    heldHosts: () => 0,
    residuals: () => ({ repos: 0, records: 0 }),
  }
  const log = { append: (_stream: string, entries: readonly Fields[]) => append(entries) } as Log
  const [stop, abandon] = [new AbortController(), new AbortController()]
  const context: OutputContext = {
    log,
    logger: silentLogger,
    settings: settingsOf({
      log,
      logger: silentLogger,
      version: '0',
      consumer: 'c',
      plcUrl: 'http://plc',
      batchSize: 2,
    }),
    metrics: registerBackfillerMetrics(registry, readings),
    accounts: openAccounts(),
    gate: new OutputGate({
      length: none,
      highWaterMark: 10,
      checkEveryMs: 1,
      onActiveChange: () => undefined,
    }),
    stop: stop.signal,
    abandon: abandon.signal,
  }
  const metric = async (series: string) =>
    (await registry.metrics()).split('\n').find((line) => line.startsWith(`${series} `))
  return { context, metric, stop, abandon }
}

const repoOf = (
  values: readonly object[],
  passed = { filtered: 0, invalid_path: 0, bad_record: 0 },
): VerifiedRepo => ({
  did: snapshot.did,
  commit: snapshot.commit,
  rev: snapshot.rev,
  keys: values.length + passed.filtered + passed.invalid_path + passed.bad_record,
  passed,
  records: values.map((value, i) => ({
    collection: 'app.bsky.feed.post',
    rkey: `k${i}`,
    cid: 'bafyr',
    value: value as Readonly<Record<string, unknown>>,
  })),
})

test('a store that is away for a while costs time: nothing is lost, doubled or out of order', async () => {
  const written: Fields[] = []
  let failures = 2
  const { context, metric } = contextOn(async (entries) => {
    if (written.length === 2 && failures-- > 0) throw new TransientError('away')
    written.push(...entries)
  })
  assert.equal(await writeRepo(snapshot, repoOf([{}, {}, {}]), context), 3)
  const types = written.map(({ event }) => (JSON.parse(event ?? '') as { type: string }).type)
  assert.deepEqual(types, ['create', 'create', 'create', 'repo'])
  assert.equal(await metric('backfiller_store_retries_total'), 'backfiller_store_retries_total 2')
  assert.equal(await metric('backfiller_records_extracted_total'), 'backfiller_records_extracted_total 3')
})

test('a store that refuses for good ends the attempt, with no repo event and nothing counted', async () => {
  const { context, metric } = contextOn(() => Promise.reject(new RangeError('full')))
  await assert.rejects(writeRepo(snapshot, repoOf([{}]), context), RangeError)
  assert.equal(await metric('backfiller_records_extracted_total'), 'backfiller_records_extracted_total 0')
})

test('a stop while the store is away abandons the repo', async () => {
  const { context, abandon } = contextOn(() => {
    abandon.abort()
    return Promise.reject(new TransientError('away'))
  })
  await assert.rejects(writeRepo(snapshot, repoOf([{}]), context), { name: 'Abandoned' })
})

test('what a verified repo holds beside records is counted by reason', async () => {
  const { context, metric } = contextOn(async () => undefined)
  const large = { text: 'x'.repeat(5 * 1024 * 1024) }
  const passed = { filtered: 3, invalid_path: 2, bad_record: 1 }
  assert.equal(await writeRepo(snapshot, repoOf([large, { n: 1n }, {}], passed), context), 1)
  const dropped = (reason: string) => metric(`backfiller_records_dropped_total{reason="${reason}"}`)
  assert.match((await dropped('oversize_record')) ?? '', / 1$/)
  assert.match((await dropped('invalid_record')) ?? '', / 2$/)
  assert.match((await dropped('invalid_path')) ?? '', / 2$/)
  assert.match((await metric('backfiller_records_filtered_total')) ?? '', / 3$/)
})

test('bytes that bring our reader down are a failure of the repo, not of the process', async () => {
  const { context } = contextOn(async () => undefined)
  const broken = {
    ...repoOf([]),
    records: {
      [Symbol.iterator]: () => {
        throw new RangeError('bug')
      },
    },
  }
  await assert.rejects(writeRepo(snapshot, broken, context), { name: 'RepoFailure', reason: 'unexpected' })
})
