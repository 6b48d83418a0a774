import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { createClient } from 'redis'
import { needs, redisUrl } from '../harness/services.ts'
import type { Log } from '../../src/stream/log.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import {
  assertWhole,
  entriesOf,
  eventsOf,
  openTestNetwork,
  queue,
  startBackfiller,
  until,
  untilDrained,
} from './testing.ts'

/** Streams of one's own in the shared Redis. */
const openStreams = async (t: TestContext) => {
  const url = await redisUrl()
  const log: Log = await openRedisLog({ url })
  const prefix = randomBytes(4).toString('hex')
  const [inputStream, outputStream, deadLetterStream] = ['repo_backfill', 'firehose_backfill', 'dlq'].map(
    (name) => `${prefix}_${name}`,
  ) as [string, string, string]
  const client = await createClient({ url }).connect()
  t.after(async () => {
    await client.del([inputStream, outputStream, deadLetterStream])
    await client.close()
    await log[Symbol.asyncDispose]()
  })
  return { log, client, streams: { inputStream, outputStream, deadLetterStream } }
}

test(
  'through all faults at once, and two backfillers of which one is killed on the way, the output is the truth',
  needs('redis'),
  async (t) => {
    const { log, streams } = await openStreams(t)
    const network = await openTestNetwork(t, { accounts: 30, records: 1_500 })
    const truth = network.truth()
    const target = 'com.atproto.sync.getRepo'
    network.setFault('http_5xx', { probability: 0.2, target })
    network.setFault('html_body', { probability: 0.1, target })
    network.setFault('http_429', { probability: 0.1, target, times: 5, headers: false })
    network.setFault('truncated_car', { probability: 0.2, target: 'repo' })
    network.setFault('missing_block', { probability: 0.2, target: 'repo' })
    network.setFault('bad_signature', { probability: 0.2, target: 'repo' })
    const options = { log, plcUrl: network.plcUrl, ...streams, batchSize: 20, concurrency: 3 }
    await queue(
      log,
      truth.accounts.map(({ did }) => did),
      streams.inputStream,
    )
    const killed = startBackfiller(t, { ...options, consumer: 'one', stopGraceMs: 0 })
    await until(async () => (await log.streamStats(streams.outputStream)).length > 100)
    // Whatever it had in hand is neither acknowledged nor finished, as after a kill.
    await killed.stop()
    assert.ok((await log.groupStats(streams.inputStream, 'repo_backfill_group')).pending > 0)
    startBackfiller(t, { ...options, consumer: 'two' })
    startBackfiller(t, { ...options, consumer: 'one' })
    await untilDrained(log, streams.inputStream)
    assertWhole(await eventsOf(log, streams.outputStream), truth)
    assert.deepEqual(await entriesOf(log, streams.deadLetterStream), [])
  },
)

test(
  'an entry written by hand as rsky writes it is read; ours are as rsky reads them',
  needs('redis'),
  async (t) => {
    const { log, client, streams } = await openStreams(t)
    const network = await openTestNetwork(t)
    const [account] = network.truth().accounts
    assert.ok(account)
    const repo = `{"did":"${account.did}","host":"https://relay.example","rev":"3k","status":null,"active":true}`
    await client.xAdd(streams.inputStream, '*', { repo })
    await client.xAdd(streams.inputStream, '*', { repo: '{"did":"did:plc:a"' })
    startBackfiller(t, { log, plcUrl: network.plcUrl, ...streams })
    await untilDrained(log, streams.inputStream)
    const entries = (await client.xRange(streams.outputStream, '-', '+')) ?? []
    const keys = (text: string | undefined) => Object.keys(JSON.parse(text ?? '') as object).join(' ')
    assert.deepEqual(Object.keys(entries[0]?.message ?? {}), ['event'])
    assert.equal(
      keys(entries[0]?.message['event']),
      'type seq time did commit rev collection rkey cid record',
    )
    assert.equal(keys(entries.at(-1)?.message['event']), 'type seq time did commit rev')
    assert.match(entries.at(-1)?.message['event'] ?? '', /^\{"type":"repo","seq":-1,"time":"\d{4}-/)
    const [letter] = (await client.xRange(streams.deadLetterStream, '-', '+')) ?? []
    assert.equal(letter?.message['repo'], '{"did":"did:plc:a"')
    assert.equal(letter?.message['attempts'], '1')
    const key = await client.get(`did:key:${account.did}`)
    assert.match(key ?? '', /^did:key:z/)
    assert.equal(await client.get(`did:pds:${account.did}`), account.pds)
    const ttl = await client.ttl(`did:pds:${account.did}`)
    assert.ok(ttl > 86_300 && ttl <= 86_400)
  },
)

test(
  'attempts are counted by the store: a restart between two failures does not start anew',
  needs('redis'),
  async (t) => {
    const { log, streams } = await openStreams(t)
    const network = await openTestNetwork(t)
    const [account] = network.truth().accounts
    assert.ok(account)
    network.setFault('missing_block', { target: account.did })
    await queue(log, [account.did], streams.inputStream)
    const options = { log, plcUrl: network.plcUrl, ...streams, maxRetries: 3 }
    for (let start = 1; start <= 2; start++) {
      const running = startBackfiller(t, { ...options, retryInitialMs: 5_000, retryMaxMs: 5_000 })
      await until(async () => (await running.metric('backfiller_repos_failed_total')) === 1)
      await running.stop()
    }
    const last = startBackfiller(t, options)
    await untilDrained(log, streams.inputStream)
    assert.equal(await last.metric('backfiller_repos_failed_total'), 1)
    const [letter] = await entriesOf(log, streams.deadLetterStream)
    assert.equal(letter?.['attempts'], '3')
    assert.match(letter?.['error'] ?? '', /^missing_block/)
  },
)
