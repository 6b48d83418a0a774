/**
 * When a pipeline has come to rest: every stream is empty, nothing is pending, nothing was given up. Reads a log; owns the words
 * "drained" and "dead".
 */
import { readStore, undone } from '../../src/cli/status/store.ts'
import {
  deadLetterStream,
  FIREHOSE_BACKFILL,
  FIREHOSE_LIVE,
  LABEL_LIVE,
  REPO_BACKFILL,
  REPO_BACKFILL_DLQ,
} from '../../src/event/streams.ts'
import type { ServiceView } from '../../src/monitoring/status.ts'
import type { Log } from '../../src/stream/log.ts'

const DEAD = [
  REPO_BACKFILL_DLQ,
  deadLetterStream(FIREHOSE_LIVE),
  deadLetterStream(FIREHOSE_BACKFILL),
  deadLetterStream(LABEL_LIVE),
]

/** What is stored, waiting or being worked on; 0 when drained. */
export const backlog = async (log: Log): Promise<number> => undone(await readStore(log))

/** The same of a pipeline without a backfiller. */
export const liveBacklog = async (log: Log): Promise<number> => {
  const { streams } = await readStore(log)
  return undone({ streams: streams.filter(({ stream }) => stream !== REPO_BACKFILL), cursors: [] })
}

/** The same of a program, as it says itself on its metrics port. */
export const backlogAt = async (port: number): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${port}/status/all`)
  const { services } = (await answer.json()) as { services: readonly ServiceView[] }
  const streams = services.flatMap(({ status }) => status?.streams ?? [])
  return undone({ streams, cursors: [] })
}

/** Dead letters of all streams, as they are stored. */
export const deadLetters = async (log: Log): Promise<readonly Readonly<Record<string, string>>[]> => {
  const letters = await Promise.all(DEAD.map((stream) => log.range(stream, { maxEntries: 100 })))
  return letters.flat().map(({ fields }) => fields ?? {})
}
