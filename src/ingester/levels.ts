/** The levels of all streams the ingester watches: the three it fills, and the backfiller's output, which it only shows. */
import { FIREHOSE_BACKFILL } from '../event/streams.ts'
import { StreamLevel } from './level.ts'
import { OUTPUT_STREAMS, type OutputStream } from './metric-words.ts'
import type { IngesterMetrics } from './metrics.ts'
import type { Settings } from './options.ts'

export type Levels = {
  readonly output: Readonly<Record<OutputStream, StreamLevel>>
  readonly all: readonly StreamLevel[]
  readonly of: (stream: OutputStream | 'firehose_backfill') => StreamLevel
  /** Whom to tell of waiting; the metrics are made after the levels that they read. */
  readonly tell: (metrics: IngesterMetrics) => void
}

export const createLevels = ({ log, highWaterMarks, roomCheckMs }: Settings): Levels => {
  let told: IngesterMetrics | null = null
  const outputLevel = (stream: OutputStream) =>
    new StreamLevel({
      log,
      stream,
      mark: highWaterMarks[stream],
      checkMs: roomCheckMs,
      onWait: () => told?.backpressureActivations.inc({ stream }),
      onWaited: (seconds) => told?.backpressureSeconds.inc({ stream }, seconds),
    })
  const output = Object.fromEntries(OUTPUT_STREAMS.map((stream) => [stream, outputLevel(stream)])) as Record<
    OutputStream,
    StreamLevel
  >
  const backfill = new StreamLevel({ log, stream: FIREHOSE_BACKFILL, mark: null, checkMs: roomCheckMs })
  return {
    output,
    all: [...Object.values(output), backfill],
    of: (stream) => (stream === 'firehose_backfill' ? backfill : output[stream]),
    tell: (metrics) => (told = metrics),
  }
}
