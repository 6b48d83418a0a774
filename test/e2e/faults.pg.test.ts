/**
 * Everything that can go wrong in a network, one fault after the other, under a running pipeline. Each fault moves the counter
 * that names it, none stops anything; when all are over the tables equal the truth but for what no frame ever told, and that
 * comes with a resync.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBackfill } from '../../src/event/codec.ts'
import { REPO_BACKFILL } from '../../src/event/streams.ts'
import { FAULT_KINDS, type FaultKind, type FaultSpec } from '../../src/sandbox/faults.ts'
import { startSandbox, type Sandbox, type Truth } from '../../src/sandbox/index.ts'
import { needs } from '../harness/services.ts'
import { differences } from './oracle.ts'
import { openPipeline, type Pipeline } from './pipeline.ts'
import { backlog, deadLetters } from './settled.ts'
import { until } from './until.ts'

/** `live`: new events. `fetch`: repos queued anew. `connect`: the relay breaks off, and is asked for what follows our cursor. */
type Provocation = 'start' | 'live' | 'fetch' | 'connect'

/** The series that moves; none where the pipeline rightly does not look (label and live signatures). */
type Drill = readonly [
  kind: FaultKind,
  spec: FaultSpec,
  by: Provocation,
  moves: readonly [name: string, ...labels: string[]] | null,
]

const failure = (reason: string) => ['backfiller_failures_total', `reason="${reason}"`] as const
const reconnect = (reason: string) =>
  ['ingester_reconnects_total', 'part="firehose"', `reason="${reason}"`] as const
const dropped = ['ingester_frames_total', 'outcome="dropped"'] as const

/** Other requests of the pipeline, for handles and states, would be struck as well. */
const GET_REPO = 'com.atproto.sync.getRepo'

const DRILLS: readonly Drill[] = [
  ['listrepos_page_fails', { times: 2, cursor: '' }, 'start', ['ingester_backfill_fetch_errors_total']],
  ['plc_down', { times: 5 }, 'start', failure('did_unavailable')],
  ['malformed_cbor', { times: 5 }, 'live', dropped],
  ['oversize_frame', { times: 2 }, 'live', dropped],
  [
    'missing_block',
    { times: 5, target: 'live' },
    'live',
    ['ingester_operations_dropped_total', 'reason="missing_block"'],
  ],
  ['unknown_frame_type', { times: 5 }, 'live', ['ingester_frames_total', 'type="other"']],
  ['sequence_gap', { times: 5 }, 'live', ['ingester_sequence_gaps_total']],
  ['duplicate_frames', { times: 5 }, 'live', ['ingester_sequence_regressions_total']],
  ['reordered_frames', { times: 5 }, 'live', ['ingester_sequence_regressions_total']],
  ['bad_signature', { times: 5, target: 'live' }, 'live', null],
  ['bad_label_signature', { times: 1 }, 'live', null],
  ['error_frame', { times: 1 }, 'live', reconnect('error_frame')],
  ['disconnect', { times: 1 }, 'live', reconnect('closed')],
  ['silent_socket', { times: 1 }, 'live', reconnect('idle')],
  ['outdated_cursor', { times: 1 }, 'connect', ['ingester_outdated_cursors_total']],
  ['future_cursor', { times: 1 }, 'connect', ['ingester_future_cursors_total']],
  ['bad_signature', { times: 2, target: 'repo' }, 'fetch', failure('bad_signature')],
  ['missing_block', { times: 2, target: 'repo' }, 'fetch', failure('missing_block')],
  ['truncated_car', { times: 2 }, 'fetch', failure('truncated_car')],
  ['slow_car', { times: 2, bytesPerSecond: 2_000 }, 'fetch', failure('too_slow')],
  ['http_429', { times: 2, target: GET_REPO }, 'fetch', ['backfiller_fetches_total', 'answer="429"']],
  ['http_5xx', { times: 2, target: GET_REPO }, 'fetch', failure('http_5xx')],
  ['html_body', { times: 2, target: GET_REPO }, 'fetch', failure('not_a_car')],
  // Once more at the end, when nothing fetches repos any more: what these frames told is missed until the resync.
  ['malformed_cbor', { times: 20 }, 'live', dropped],
]

const queue = async ({ log }: Pipeline, network: Sandbox, count: number): Promise<void> => {
  const accounts = network.truth().accounts.filter(({ active }) => active)
  const host = network.relayUrls[0] ?? ''
  const entries = accounts
    .slice(0, count)
    .map(({ did, rev }) => encodeBackfill({ did, rev, host, status: null, active: true }))
  await log.append(REPO_BACKFILL, entries)
}

const provoke = async (by: Provocation, pipeline: Pipeline, network: Sandbox): Promise<void> => {
  if (by === 'connect') network.setFault('disconnect', { times: 1 })
  if (by === 'fetch') await queue(pipeline, network, 5)
  if (by === 'live' || by === 'connect') await network.produce(20)
}

/** Until the fault has struck as often as it was told to and its counter has moved. */
const drill = async ([kind, spec, by, moves]: Drill, pipeline: Pipeline, network: Sandbox): Promise<void> => {
  const struck = () => network.faults().injected[kind] ?? 0
  const read = async () => (moves === null ? 0 : pipeline.metric(...moves))
  const before = { struck: struck(), count: by === 'start' ? 0 : await read() }
  if (by !== 'start') network.setFault(kind, spec)
  const wanted = by === 'start' ? 1 : before.struck + (spec.times ?? 1)
  await until(
    `${kind} has struck and is counted`,
    async () => {
      if (struck() >= wanted && (moves === null || (await read()) > before.count)) return true
      await provoke(by, pipeline, network)
      return null
    },
    { everyMs: 100, why: () => ({ struck: struck(), wanted }) },
  )
  network.setFault(kind, null)
}

const settle = async (pipeline: Pipeline, isSettled: () => Promise<readonly string[]>): Promise<void> => {
  let seen: unknown = null
  await until(
    'the streams are drained and the tables are as they should be',
    async () => {
      await pipeline.alive()
      const left = await backlog(pipeline.log)
      const wrong = left > 0 ? [`${left} entries in the streams`] : await isSettled()
      seen = wrong
      return wrong.length === 0 ? true : null
    },
    { everyMs: 200, why: () => seen },
  )
}

/** What a repository cannot tell either: a delete that nobody heard of, a change of an identity or account. */
const unreachable = ({ unreachableLive, records }: Truth): ReadonlySet<string> => {
  const held = new Set(records.map(({ uri }) => uri))
  return new Set(unreachableLive.filter((uri) => !held.has(uri)))
}

test(
  'every fault of the network is counted by its name, stops nothing, and costs nothing that a resync does not bring',
  needs('pg'),
  async (t) => {
    assert.deepEqual(new Set(DRILLS.map(([kind]) => kind)), new Set(FAULT_KINDS), 'every kind has its drill')
    await using stack = new AsyncDisposableStack()
    const atStart = DRILLS.filter(([, , by]) => by === 'start').map(([kind, spec]) => ({ kind, ...spec }))
    const network = await startSandbox({
      seed: 'faults',
      accounts: 60,
      records: 2_000,
      ratePerSecond: 0,
      faults: atStart,
    })
    stack.defer(() => network.close())
    const pipeline = await openPipeline(network, stack, {
      backfiller: { slowAfterMs: 300, minBytesPerSecond: 10_000 },
    })
    for (const line of DRILLS) {
      const startedAt = performance.now()
      await drill(line, pipeline, network)
      t.diagnostic(`${line[0]} (${line[2]}): ${Math.round(performance.now() - startedAt)} ms`)
    }
    await network.produce(200)
    const truth = network.truth()
    const untold = new Set(truth.unreachableLive)
    assert.ok(untold.size > 0, 'some frames were spoiled for good')
    await settle(pipeline, () => differences(pipeline.pool, truth, untold))
    const missed = await differences(pipeline.pool, truth)
    t.diagnostic(`${untold.size} untold by any frame, of these missed until a resync: ${missed.length}`)
    await queue(pipeline, network, Infinity)
    await settle(pipeline, () => differences(pipeline.pool, truth, unreachable(truth)))
    assert.deepEqual(await deadLetters(pipeline.log), [])
  },
)
