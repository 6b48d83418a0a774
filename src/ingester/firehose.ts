/** The firehose of one relay: `subscribeRepos` to `firehose_live`. Owns what a frame of it becomes; see `follow.ts` for the loop. */
import type { MessageFrame } from '../atproto/frame.ts'
import { parseRepoMessage, type CommitMessage } from '../atproto/message.ts'
import { encodeBackfill, encodeEvent } from '../event/codec.ts'
import { FIREHOSE_LIVE } from '../event/streams.ts'
import type { BatchItem } from './batcher.ts'
import { countUnreadable } from './conservation.ts'
import {
  convertMessage,
  receivedOf,
  type Conversion,
  type OperationDrop,
  type SequencedMessage,
} from './convert.ts'
import { follow, type Reading, type Source } from './follow.ts'
import type { FrameType } from './metric-words.ts'
import type { IngesterMetrics } from './metrics.ts'
import type { Life } from './output.ts'
import type { Room } from './room.ts'
import type { Upstream } from './upstream.ts'

export const runFirehose = (upstream: Upstream, room: Room, life: Life): Promise<void> =>
  follow(firehoseSource(upstream, room), upstream, room, life)

const firehoseSource = (upstream: Upstream, room: Room): Source => ({
  part: 'firehose',
  nsid: 'com.atproto.sync.subscribeRepos',
  stream: FIREHOSE_LIVE,
  idleTimeoutMs: room.settings.idleTimeoutMs,
  cursorError: 'firehose_cursor',
  parseError: 'parse_failed',
  read: (frame) => readFrame(frame, upstream, room),
})

const readFrame = (frame: MessageFrame, upstream: Upstream, room: Room): Reading => {
  const message = parseRepoMessage(frame)
  if ('drop' in message) {
    countUnreadable(room.ledgers.firehose)
    const type = message.drop === 'unknown_type' ? 'other' : frameType(frame.type)
    return { type, outcome: 'dropped', item: message.seq === undefined ? null : position(message.seq) }
  }
  if (message.type === 'info') return { type: 'info', outcome: 'kept', item: null, info: message }
  const { metrics, ledgers, recent, settings } = room
  const received = receivedOf(message)
  metrics.firehoseEvents.inc(received)
  ledgers.firehose.in(received)
  const key = message.type === 'commit' && recent !== null ? commitKey(message) : undefined
  if (key !== undefined && recent?.has(key)) {
    ledgers.firehose.out('duplicate', received)
    return { type: message.type, outcome: 'duplicate', item: position(message.seq) }
  }
  const { collections } = settings
  const receivedAtMs = Date.now()
  const conversion = convertMessage(message, { collections, receivedAtMs })
  const item = toItem(message, conversion, upstream.host)
  upstream.lastEventMs = conversion.timeMs
  if (!conversion.timeReplaced) {
    metrics.eventAge.observe(Math.max(0, receivedAtMs - conversion.timeMs) / 1000)
  }
  countConversion(conversion, room)
  const kept = item.entries.length > 0 || item.resync !== undefined
  // An incomplete copy is not remembered: another relay's may be whole.
  const whole = item.entries.length > 0 && conversion.resync === null
  return { type: message.type, outcome: kept ? 'kept' : 'filtered', item: whole ? { ...item, key } : item }
}

const position = (seq: number): BatchItem => ({ seq, entries: [], bytes: 0 })

const TYPES = new Map<string, FrameType>([
  ['#commit', 'commit'],
  ['#sync', 'sync'],
  ['#identity', 'identity'],
  ['#handle', 'identity'],
  ['#account', 'account'],
  ['#tombstone', 'account'],
  ['#info', 'info'],
])
const frameType = (name: string): FrameType => TYPES.get(name) ?? 'other'

/** The same commit by whatever relay: the CID covers did and rev; all three together leave nothing to a relay's mistake. */
const commitKey = ({ repo, rev, commit }: CommitMessage): string => `${repo} ${rev} ${commit}`

const toItem = ({ seq }: SequencedMessage, conversion: Conversion, host: string): BatchItem => {
  const { events, resync, bare } = conversion
  const entries = events.map(encodeEvent)
  const bytes = entries.reduce((sum, { event = '' }) => sum + Buffer.byteLength(event), 0)
  if (resync === null) return { seq, entries, bytes }
  return { seq, entries, bytes, resync: resyncEntry(resync, host), requests: bare ? 1 : 0 }
}

const resyncEntry = ({ did, rev }: NonNullable<Conversion['resync']>, host: string) => ({
  did,
  fields: encodeBackfill({ did, host: asUrl(host), rev, status: null, active: true }),
})

/** As rsky writes `host` into backfill entries. */
export const asUrl = (host: string): string => (host.includes('://') ? host : `https://${host}`)

const countConversion = (conversion: Conversion, { metrics, ledgers }: Room): void => {
  const { events, dropped, operations, resync, bare } = conversion
  for (const { type } of events) {
    if (type === 'create') metrics.firehoseCreates.inc()
    else if (type === 'update') metrics.firehoseUpdates.inc()
    else if (type === 'delete') metrics.firehoseDeletes.inc()
  }
  for (const [reason, amount] of Object.entries(dropped)) {
    countDrop(reason as OperationDrop, amount, metrics)
    ledgers.firehose.out(reason === 'filtered' ? 'filtered' : 'dropped', amount)
  }
  for (const { namespace, outcome, count } of operations)
    metrics.operations.inc({ namespace, outcome }, count)
  if (resync !== null) metrics.resyncsRequested.inc({ cause: resync.cause })
  else if (bare) ledgers.firehose.out('filtered')
  if (conversion.timeReplaced) metrics.eventTimesReplaced.inc()
}

const countDrop = (reason: OperationDrop, amount: number, metrics: IngesterMetrics): void => {
  metrics.operationsDropped.inc({ reason }, amount)
  if (reason !== 'filtered') return
  metrics.filteredOperations.inc(amount)
  metrics.opsFiltered.inc(amount)
}
