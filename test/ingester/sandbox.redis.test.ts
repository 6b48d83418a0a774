/**
 * The ingester as it runs in a fleet: a whole network of two relays and a labeler on one side, a real Redis on the other, and
 * everything between them breaking. What arrives in the streams is held against what the network says is true.
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { decodeBackfill, decodeEvent, decodeLabels } from '../../src/event/codec.ts'
import { createIngester } from '../../src/ingester/index.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import type { Log } from '../../src/stream/log.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import { startRedis, temporaryFolder } from '../harness/servers.ts'
import { needs } from '../harness/services.ts'

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const openRedis = async (stack: AsyncDisposableStack) => {
  const dir = temporaryFolder('ingester')
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  const args = ['--appendonly', 'yes', '--appendfsync', 'always']
  let server = await startRedis({ dir, args })
  stack.defer(() => server.stop())
  const log = stack.use(await openRedisLog({ url: server.url, commandTimeoutMs: 2_000 }))
  const { port } = server
  return {
    log,
    kill: () => server.kill(),
    revive: async () => (server = await startRedis({ dir, args, port })),
  }
}

const start = (log: Log, sandbox: Sandbox) => {
  const ingester = createIngester({
    log,
    logger: silentLogger,
    version: '0.0.0',
    mode: 'all',
    relayHosts: sandbox.relayUrls,
    labelerHosts: sandbox.labelerUrls,
    collections: ['*'],
    idleTimeoutMs: 1_000,
    labelIdleTimeoutMs: 1_000,
    reconnect: { initialMs: 10, maxMs: 100 },
    storeRetry: { initialMs: 10, maxMs: 100 },
    fetchRetry: { initialMs: 10, maxMs: 100 },
  })
  const stopping = new AbortController()
  const running = ingester.service.run(stopping.signal)
  running.catch(() => {})
  return {
    ...ingester,
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

async function* entries(log: Log, stream: string) {
  let afterId: string | undefined
  for (;;) {
    const some = await log.range(stream, { maxEntries: 1_000, ...(afterId !== undefined && { afterId }) })
    if (some.length === 0) return
    for (const { fields } of some) yield fields ?? {}
    afterId = some.at(-1)?.id
  }
}

/** What an indexer that knows only the live stream would hold: the highest rev of each record, without those deleted. */
const replay = async (log: Log): Promise<Map<string, string>> => {
  const newest = new Map<string, { rev: string; cid: string | null; did: string }>()
  const gone = new Set<string>()
  for await (const fields of entries(log, 'firehose_live')) {
    const event = decodeEvent(fields)
    assert.ok(!('poison' in event))
    if (event.type === 'account' && event.status === 'deleted') gone.add(event.did)
    if (event.type !== 'create' && event.type !== 'update' && event.type !== 'delete') continue
    const uri = `at://${event.did}/${event.collection}/${event.rkey}`
    const known = newest.get(uri)
    if (known !== undefined && known.rev >= event.rev) continue
    newest.set(uri, { rev: event.rev, cid: event.type === 'delete' ? null : event.cid, did: event.did })
  }
  const live = [...newest].filter(([, { cid, did }]) => cid !== null && !gone.has(did))
  return new Map(live.map(([uri, { cid }]) => [uri, cid ?? '']))
}

const labelKey = ({ src, uri, cid, val }: { src: string; uri: string; cid: string | null; val: string }) =>
  [src, uri, cid, val].join(' ')

/** The newest of each label by its own time: labelers repeat old ones. */
const readLabels = async (log: Log): Promise<Map<string, { cts: string; neg: boolean }>> => {
  const labels = new Map<string, { cts: string; neg: boolean }>()
  for await (const fields of entries(log, 'label_live')) {
    const event = decodeLabels(fields)
    assert.ok(!('poison' in event))
    for (const { cts, neg, ...label } of event.labels) {
      const key = labelKey(label)
      if (cts > (labels.get(key)?.cts ?? '')) labels.set(key, { cts, neg })
    }
  }
  return labels
}

const queuedRepos = async (log: Log): Promise<Set<string>> => {
  const dids = new Set<string>()
  for await (const fields of entries(log, 'repo_backfill')) {
    const event = decodeBackfill(fields)
    assert.ok(!('poison' in event))
    dids.add(event.did)
  }
  return dids
}

/** What no fault made unreadable must come in the end. */
const settled = async (log: Log, sandbox: Sandbox): Promise<void> => {
  const { records } = sandbox.truth()
  const skip = new Set(sandbox.truth().unreachableLive)
  await until('every live record has arrived', async () => {
    const held = await replay(log)
    return records.every(({ uri, cid }) => skip.has(uri) || held.get(uri) === cid)
  })
}

const compare = async (log: Log, sandbox: Sandbox): Promise<void> => {
  const truth = sandbox.truth()
  const skip = new Set(truth.unreachableLive)
  const held = await replay(log)
  const expected = truth.records.filter(({ uri }) => !skip.has(uri))
  assert.ok(expected.length > 300, 'the network made something')
  for (const { uri, cid } of expected) assert.equal(held.get(uri), cid, uri)
  const true_ = new Set(truth.records.map(({ uri }) => uri))
  const extra = [...held.keys()].filter((uri) => !true_.has(uri) && !skip.has(uri))
  assert.deepEqual(extra, [])
}

const network = (stack: AsyncDisposableStack) =>
  startSandbox({
    seed: 'ingester',
    accounts: 40,
    records: 3_000,
    backfillShare: 0,
    ratePerSecond: 0,
    relays: 2,
  }).then((sandbox) => stack.adopt(sandbox, (open) => open.close()))

test(
  'sockets cut in the middle, silent relays, a Redis killed and revived and two restarts lose nothing',
  needs('redis'),
  async () => {
    await using stack = new AsyncDisposableStack()
    const sandbox = await network(stack)
    const redis = await openRedis(stack)
    const { log } = redis
    let ingester = start(log, sandbox)
    stack.defer(() => ingester.stop())

    sandbox.setFault('disconnect', { probability: 0.01, times: 10 })
    await sandbox.produce(800)
    await ingester.stop()
    await sandbox.produce(400)
    ingester = start(log, sandbox)

    await sandbox.produce(400)
    await redis.kill()
    await sandbox.produce(400)
    await until('the store is missed', async () => !(await ingester.status.health()).ready)
    await redis.revive()

    sandbox.setFault('silent_socket', { times: 1 })
    await sandbox.produce(400)
    await ingester.stop()
    ingester = start(log, sandbox)
    sandbox.setFault('disconnect', null)
    await sandbox.produce(600)

    await settled(log, sandbox)
    await compare(log, sandbox)
    await until('every label is there as it is true now', async () => {
      const labels = await readLabels(log)
      return sandbox.truth().labels.every((label) => labels.get(labelKey(label))?.neg === label.neg)
    })
    assert.ok(sandbox.truth().labels.length > 0)
    const { problems } = await ingester.status.status()
    assert.deepEqual(problems, [], 'nothing was lost that an operator would have to repair')
  },
)

test(
  'poison of every kind between the frames costs only itself, and what cannot be read live is queued for a fetch',
  needs('redis'),
  async () => {
    await using stack = new AsyncDisposableStack()
    const sandbox = await network(stack)
    const { log } = await openRedis(stack)
    const ingester = start(log, sandbox)
    stack.defer(() => ingester.stop())
    for (const kind of ['malformed_cbor', 'missing_block', 'unknown_frame_type'] as const) {
      sandbox.setFault(kind, { probability: 0.01 })
    }
    // A few: many would fill the relay's window, and what leaves it while we connect again is lost for good.
    sandbox.setFault('oversize_frame', { probability: 0.01, times: 5 })
    sandbox.setFault('sequence_gap', { probability: 0.02 })
    sandbox.setFault('duplicate_frames', { probability: 0.05 })
    sandbox.setFault('reordered_frames', { probability: 0.05 })
    sandbox.setFault('error_frame', { probability: 0.005, times: 5 })
    await sandbox.produce(2_500)
    await settled(log, sandbox)
    await compare(log, sandbox)
    const { injected } = sandbox.faults()
    for (const kind of ['malformed_cbor', 'missing_block', 'reordered_frames'] as const) {
      assert.ok((injected[kind] ?? 0) > 0, `${kind} has struck`)
    }
    await until('every account is queued', async () => {
      const queued = await queuedRepos(log)
      return sandbox.truth().accounts.every(({ did, status }) => status === 'deleted' || queued.has(did))
    })
  },
)
