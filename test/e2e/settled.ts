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
  REPO_BACKFILL_DLQ,
} from '../../src/event/streams.ts'
import type { Log } from '../../src/stream/log.ts'

const DEAD = [
  REPO_BACKFILL_DLQ,
  deadLetterStream(FIREHOSE_LIVE),
  deadLetterStream(FIREHOSE_BACKFILL),
  deadLetterStream(LABEL_LIVE),
]

/** What is stored, waiting or being worked on; 0 when drained. */
export const backlog = async (log: Log): Promise<number> => undone(await readStore(log))

/** Dead letters of all streams, as they are stored. */
export const deadLetters = async (log: Log): Promise<readonly Readonly<Record<string, string>>[]> => {
  const letters = await Promise.all(DEAD.map((stream) => log.range(stream, { maxEntries: 100 })))
  return letters.flat().map(({ fields }) => fields ?? {})
}
