/** What happens to the fleet before it is looked at: everything that the document's tables count. */
import { INDEXERS, SERVICES, type Fleet } from './fleet.ts'
import { untilTrue } from './ask.ts'

const EVENTS_PER_SECOND = 40

const startIndexers = ({ programs }: Fleet): Promise<unknown> => {
  const indexers = [...programs].filter(([name]) => name.startsWith('indexer'))
  return Promise.all(indexers.map(([, program]) => program.start()))
}

export const stir = async (fleet: Fleet): Promise<void> => {
  const { network, relay, redis } = fleet
  await untilTrue(fleet, `count(up{type="rust"} == 1) >= bool ${SERVICES.length - INDEXERS}`)
  await relay.mend()
  await redis.send('XADD', 'repo_backfill', '*', 'repo', 'no JSON')
  await network.produce(3_000)
  await untilTrue(fleet, 'max(ingester_backpressure_active)')
  // As long as nobody reads: readers are quicker than scrapes.
  await untilTrue(fleet, 'max(backfiller_output_stream_length) > bool 0')
  await startIndexers(fleet)
  await untilTrue(fleet, `count(up{type="rust"} == 1) >= bool ${SERVICES.length}`)
  for (let i = 0; i < INDEXERS; i++) await redis.send('XADD', 'firehose_live', '*', 'event', 'no JSON')
  network.setFault('malformed_cbor', { times: 3 })
  network.setRate(EVENTS_PER_SECOND)
}
