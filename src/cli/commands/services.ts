/** `millrace ingester`, `backfiller`, `indexer` and `up`: services until the process is asked to stop. */
import { EXIT } from '../../lib/errors.ts'
import type { ServiceName } from '../../monitoring/status.ts'
import type { Run } from '../context.ts'
import { openPipeline } from '../wire.ts'

export const ALL_SERVICES: readonly ServiceName[] = ['ingester', 'backfiller', 'indexer']

const serve =
  (names: readonly ServiceName[]): Run =>
  async (context) => {
    await using stack = new AsyncDisposableStack()
    const pipeline = await openPipeline({ ...context, stack }, names)
    await pipeline.run()
    context.logger.info('stopped: everything in flight is saved')
    return EXIT.ok
  }

export const ingester = serve(['ingester'])
export const backfiller = serve(['backfiller'])
export const indexer = serve(['indexer'])
export const up = serve(ALL_SERVICES)
