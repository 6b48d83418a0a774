/** What the backfiller tells of its input stream, and of the store that holds it. */
import type { Registry } from '@prometheus-io/client'
import { consumerReports, registerStreamMetrics } from '../monitoring/stream-metrics.ts'
import { StreamWatch } from '../stream/watch.ts'
import type { Settings } from './options.ts'

/** What the consumer of the input stream is given to report to. */
export type InputReports = ReturnType<typeof consumerReports>

export const watchInput = (settings: Settings, registry: Registry): InputReports => {
  const { log, inputStream: stream, group, deadLetterStream } = settings
  const streams = [{ stream, group, deadLetterStream }]
  const handles = registerStreamMetrics(
    registry,
    [stream],
    (onLost) => new StreamWatch({ log, streams, onLost }),
  )
  return consumerReports(handles, stream)
}
