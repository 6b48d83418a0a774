/**
 * Random histories of a small network, as fast-check values that shrink: every one is valid per repo (revs only grow, what is
 * updated or deleted exists), so that delivering its events in any order must end in the same rows. What happens is
 * testing-network.ts's; here is what may happen, and how it is delivered.
 */
import fc from 'fast-check'
import type { StreamEvent } from '../event/event.ts'
import { cidOf } from './testing.ts'
import { MARK, Network } from './testing-network.ts'
import { KINDS, THREAD_KINDS, type Kind, type Step } from './testing-steps.ts'

export { MARK } from './testing-network.ts'

type Numbers = Partial<Record<'who' | 'what' | 'how', fc.Arbitrary<number>>>

const step = (kinds: readonly Kind[], { who, what, how }: Numbers = {}): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    who: who ?? fc.nat(2),
    what: what ?? fc.nat(7),
    how: how ?? fc.nat(5),
  })

export const anyHistory: fc.Arbitrary<readonly Step[]> = fc.array(step(KINDS), {
  minLength: 1,
  maxLength: 45,
  size: 'max',
})

const FEW = { what: fc.nat(2) }

/** The thread of one post with a gate that asks for something, by accounts that come and go among its rules. */
export const anyThread: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    step(['post'], { who: fc.constant(0) }),
    step(['follow', 'listitem'], FEW),
    step(['reply'], FEW),
    step(['threadgate'], { what: fc.constant(0) }),
    step(THREAD_KINDS, FEW),
    step(['reply'], FEW),
    fc.array(step(THREAD_KINDS, FEW), { maxLength: 14, size: 'max' }),
  )
  .map(([post, fact, reply, gate, first, answer, more]) => [post, fact, reply, gate, first, answer, ...more])

export const eventsOf = (steps: readonly Step[]): readonly StreamEvent[] => {
  const network = new Network()
  for (const step of steps) network.take(step)
  return network.events
}

/** How events reach the indexer. */
export type Delivery = {
  /** The event with the smallest number comes first. */
  readonly order: readonly number[]
  /** Events that come again, at the end of the queue of a reader. */
  readonly again: readonly number[]
  readonly batchSizes: readonly number[]
  readonly appliers: number
}

export const anyDelivery: fc.Arbitrary<Delivery> = fc.record({
  order: fc.array(fc.nat(99), { maxLength: 45, size: 'max' }),
  again: fc.array(fc.nat(44), { maxLength: 8 }),
  batchSizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
  appliers: fc.integer({ min: 1, max: 3 }),
})

/** The batches of each applier. */
export const deliver = (
  events: readonly StreamEvent[],
  { order, again, batchSizes, appliers }: Delivery,
): readonly (readonly StreamEvent[])[][] => {
  const repeated = again.flatMap((index) => (events.length > 0 ? (events[index % events.length] ?? []) : []))
  const queue = [...events, ...repeated]
    .map((event, index) => ({ event, place: order[index] ?? 50 }))
    .sort((a, b) => a.place - b.place)
    .map(({ event }) => event)
  const lanes: StreamEvent[][][] = Array.from({ length: appliers }, () => [])
  for (let batch = 0, from = 0; from < queue.length; batch++) {
    const size = batchSizes[batch % batchSizes.length] ?? 1
    lanes[batch % appliers]?.push(queue.slice(from, from + size))
    from += size
  }
  return lanes
}

/** The same events under another mark: other accounts, same everything. */
export const marked = (events: readonly StreamEvent[], mark: string): readonly StreamEvent[] =>
  JSON.parse(JSON.stringify(events).replaceAll(MARK, mark)) as StreamEvent[]

/** A mark that no other run uses. */
export const markOf = (run: number): string => cidOf(`run ${run}`).slice(-MARK.length)
