/**
 * Follows one event stream: frames in, batches out. Owns the loop, the meaning of error and info frames, and the saving of a
 * batch with its cursor; what a message says is its source's (`firehose.ts`, `labels.ts`). `await` on a full batcher *is* the
 * back-pressure: the socket is not read meanwhile.
 */
import { decodeFrame, type ErrorFrame, type MessageFrame } from '../atproto/frame.ts'
import type { InfoMessage } from '../atproto/message.ts'
import { subscribe, type SubscriptionFrame, type SubscriptionNsid } from '../atproto/subscription.ts'
import { cursorKey, REPO_BACKFILL } from '../event/streams.ts'
import { Batcher, type Batch, type BatchItem } from './batcher.ts'
import { countUnreadable, unitsIn } from './conservation.ts'
import { watchConnection, type Connection } from './connection.ts'
import type { ErrorType, FrameOutcome, FrameType, OutputStream, SocketPart } from './metric-words.ts'
import { payloadBytes, type Life } from './output.ts'
import { parseCursor, Position, readCheckpoint } from './position.ts'
import { rememberLoss } from './loss.ts'
import type { Room } from './room.ts'
import type { Upstream } from './upstream.ts'

export type Reading = {
  readonly type: FrameType
  readonly outcome: FrameOutcome
  /** null when the frame has no place in the sequence. */
  readonly item: BatchItem | null
  readonly info?: InfoMessage
}

export type Source = {
  readonly part: SocketPart
  readonly nsid: SubscriptionNsid
  readonly stream: OutputStream
  readonly idleTimeoutMs: number
  readonly cursorError: ErrorType
  readonly parseError: ErrorType
  readonly read: (frame: MessageFrame) => Reading
}

type Following = Connection & { readonly source: Source; readonly room: Room; readonly upstream: Upstream }

/** Resolves when the stop's signal has aborted and what was in hand is durable (or its deadline has passed). */
export const follow = async (source: Source, upstream: Upstream, room: Room, life: Life): Promise<void> => {
  const { settings } = room
  const ledger = room.ledgers[source.part]
  const batchers = room.inHand[source.part]
  const units = unitsIn[source.part]
  const halt = new AbortController()
  const position = openPosition(source, upstream, room)
  const connection = watchConnection(source.part, upstream, room, position)
  const following = { ...connection, source, room, upstream }
  const batcher = new Batcher({
    maxEntries: settings.batchEntries,
    maxBytes: settings.batchBytes,
    maxAgeMs: settings.batchTimeoutMs,
    maxIdleAgeMs: settings.idleSaveMs,
    write: (batch) => save(batch, following, life),
    onWritten: (batch, durable) => ledger.out(durable ? 'written' : 'abandoned', units(batch)),
    onFailure: () => halt.abort(),
  })
  batchers.add(batcher)
  const frames = subscribe({
    host: upstream.host,
    nsid: source.nsid,
    cursor: () => position.next(),
    idleTimeoutMs: source.idleTimeoutMs,
    maxFrameBytes: settings.maxFrameBytes,
    backoff: settings.reconnect,
    onState: connection.onState,
    signal: AbortSignal.any([life.stop, halt.signal]),
  })
  try {
    for await (const frame of frames) {
      const item = receive(frame, following)
      const full = item === null ? null : batcher.add(item)
      if (full !== null) await full
    }
    await batcher.drain()
  } finally {
    connection.ended()
    batchers.delete(batcher)
    for (const batch of batcher.giveUp()) ledger.out('abandoned', units(batch))
  }
}

const openPosition = (source: Source, upstream: Upstream, room: Room): Position => {
  const { log } = room.settings
  const readStored = async () => {
    try {
      const stored = await readCheckpoint(log, source.stream, upstream.host)
      if (stored === null) return null
      upstream.cursor = stored.value
      return parseCursor(stored.name, stored.value)
    } catch (error) {
      room.metrics.errors.inc({ type: source.cursorError })
      throw error
    }
  }
  return new Position(readStored, room.settings.initialCursor)
}

/** What a frame adds to the batch; null when it is not part of the sequence. */
const receive = (frame: SubscriptionFrame, following: Following): BatchItem | null => {
  const { source, room, position } = following
  const { metrics } = room
  noteData(frame, following)
  const decoded = frame.oversize ? null : decodeFrame(frame.bytes, room.settings.maxFrameBytes)
  if (decoded === null || 'drop' in decoded) {
    countUnreadable(room.ledgers[source.part])
    metrics.frames.inc({ type: 'other', outcome: 'dropped' })
    metrics.errors.inc({ type: source.parseError })
    return null
  }
  if (decoded.kind === 'error') {
    onErrorFrame(decoded, following)
    return null
  }
  const { type, outcome, item, info } = source.read(decoded)
  metrics.frames.inc({ type, outcome })
  if (outcome === 'dropped' && type !== 'other') metrics.errors.inc({ type: source.parseError })
  if (info?.name === 'OutdatedCursor') onOutdated(following)
  if (item === null) return null
  following.upstream.lastSeq = item.seq
  const { order, missed, lost } = position.accept(item.seq, frame.connection)
  if (order === 'gap') metrics.sequenceGaps.inc({ part: source.part })
  if (missed > 0) metrics.sequenceMissed.inc({ part: source.part }, missed)
  if (order === 'regression') metrics.sequenceRegressions.inc({ part: source.part })
  return lost === null ? item : { ...item, lost }
}

const noteData = ({ bytes }: SubscriptionFrame, { source, room, upstream }: Following): void => {
  upstream.gotData()
  room.metrics.frameBytes.inc({ part: source.part }, bytes.length)
}

const onOutdated = ({ position, room, source }: Following): void => {
  position.outdated()
  room.metrics.outdatedCursors.inc({ part: source.part })
}

/** The upstream closes after it. `FutureCursor` is the one that no reconnect heals by itself. */
const onErrorFrame = (frame: ErrorFrame, following: Following): void => {
  const { source, room, upstream, position } = following
  const said = frame.message === null ? frame.error : `${frame.error}: ${frame.message}`
  following.sawErrorFrame()
  upstream.failed(said)
  room.metrics.frames.inc({ type: 'error', outcome: 'kept' })
  room.metrics.errors.inc({ type: 'upstream_error' })
  room.logger.warn({ host: upstream.host, error: said }, 'upstream ended the stream with an error frame')
  if (frame.error !== 'FutureCursor') return
  room.metrics.futureCursors.inc({ part: source.part })
  room.metrics.errors.inc({ type: source.cursorError })
  room.problems.add(
    'error',
    `${upstream.host} says that our cursor ${String(position.asked)} lies in its future.`,
    'Its numbering began again, or the host was exchanged. All it still holds is read again from its beginning; what it sent before that and we have not, is to be fetched by a backfill.',
  )
  position.restart()
}

/**
 * Law: the cursor is saved in the same append as the entries it covers. Repos to fetch anew go first, so that a crash between
 * the two asks twice instead of never; they pass the mark of `repo_backfill`, which a listing keeps full by design.
 */
const save = async (batch: Batch, { room, source, upstream }: Following, life: Life): Promise<boolean> => {
  const { output, metrics, recent, logger } = room
  if (batch.entries.length > 0) {
    await output.room(source.stream, life, (waiting) => upstream.pause(waiting))
  }
  const cursor = String(batch.seq)
  const checkpoint = { name: cursorKey(source.stream, upstream.host), value: cursor }
  const resyncs = [...batch.resyncs.values()]
  for (const lost of batch.lost) {
    await rememberLoss({ stream: source.stream, host: upstream.host, lost }, room, life)
  }
  const { entries, bytes } = batch
  const asking = { stream: REPO_BACKFILL, entries: resyncs, bytes: payloadBytes(resyncs) } as const
  const durable =
    (resyncs.length === 0 || (await output.append(asking, life))) &&
    (await output.append({ stream: source.stream, entries, bytes, checkpoint }, life))
  if (!durable) {
    logger.warn(
      { host: upstream.host, entries: entries.length, seq: batch.seq },
      'stopped before a batch was durable: it will be read again',
    )
    return false
  }
  recent?.remember(batch.keys)
  metrics.labelsWritten.inc(batch.labels)
  if (batch.seq < Number(upstream.cursor)) metrics.cursorRegressions.inc({ part: source.part })
  upstream.saved(cursor)
  return true
}
