/** The streams and cursors of a log, whichever store it is on. */
import {
  DEFAULT_BACKFILLER_GROUP,
  DEFAULT_INDEXER_GROUP,
  FIREHOSE_BACKFILL,
  FIREHOSE_LIVE,
  LABEL_LIVE,
  REPO_BACKFILL,
  REPO_BACKFILL_DLQ,
} from '../../event/streams.ts'
import type { StreamStatus } from '../../monitoring/status.ts'
import type { Checkpoint, Log } from '../../stream/log.ts'

export type StoreReport = {
  readonly streams: readonly Omit<StreamStatus, 'highWaterMark'>[]
  readonly cursors: readonly Checkpoint[]
}

const GROUPS: readonly (readonly [stream: string, group: string | null])[] = [
  [FIREHOSE_LIVE, DEFAULT_INDEXER_GROUP],
  [FIREHOSE_BACKFILL, DEFAULT_INDEXER_GROUP],
  [LABEL_LIVE, DEFAULT_INDEXER_GROUP],
  [REPO_BACKFILL, DEFAULT_BACKFILLER_GROUP],
  [REPO_BACKFILL_DLQ, null],
]

const readStream = async (
  log: Log,
  stream: string,
  group: string | null,
): Promise<StoreReport['streams'][0]> => {
  const { length, oldestAgeMs } = await log.streamStats(stream)
  const stats = group === null ? null : await log.groupStats(stream, group)
  return {
    stream,
    length,
    oldestAgeSeconds: Math.round(oldestAgeMs / 1_000),
    group,
    lag: stats?.lag ?? null,
    pending: stats?.pending ?? null,
  }
}

export const readStore = async (log: Log): Promise<StoreReport> => {
  const streams = await Promise.all(GROUPS.map(([stream, group]) => readStream(log, stream, group)))
  const cursors = await Promise.all(GROUPS.map(([stream]) => log.checkpoints(`${stream}:cursor:`)))
  return { streams, cursors: cursors.flat() }
}

/** Entries that are stored, waiting or being worked on in the streams a pipeline must empty; 0 means drained. */
export const undone = (report: StoreReport): number =>
  report.streams
    .filter(({ group }) => group !== null)
    .reduce((sum, { length, lag, pending }) => sum + Math.max(length, lag ?? 0, pending ?? 0), 0)
