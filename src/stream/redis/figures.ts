/** The figures of a stream and its group, in one round trip of commands that cost the same whatever the length. */
import { ABANDONED_AFTER_MS, PENDING_SAMPLE, type StreamFigures, type Watched } from '../figures.ts'
import { replyCode } from './errors.ts'
import { FIGURES } from './group-scripts.ts'
import type { Command, Reply } from './link.ts'
import type { Losses } from './losses.ts'
import { list, number, pendingRows, positionOf, record, text } from './replies.ts'
import { runScript } from './scripts.ts'
import { streamStats } from './stats.ts'
import type { Topology } from './topology.ts'

/** A missing stream has nothing; a stream without the group has no pending entries and nobody to deliver to. */
export const streamFigures = async (
  topology: Topology,
  { stream, group, deadLetterStream, abandonedAfterMs = ABANDONED_AFTER_MS }: Watched,
  losses: Losses,
): Promise<StreamFigures> => {
  const ask = (key: string, command: Command) => orNothing(topology.send(key, command))
  const [look, pending, consumers, deadLetters] = await Promise.all([
    runScript(topology, FIGURES, stream, [group]),
    ask(stream, ['XPENDING', stream, group, '-', '+', String(PENDING_SAMPLE)]),
    ask(stream, ['XINFO', 'CONSUMERS', stream, group]),
    deadLetterStream === null ? null : ask(deadLetterStream, ['XLEN', deadLetterStream]),
  ])
  const [lost] = list(look)
  losses.add(stream, group, number(lost))
  const shape = list(look).length > 0 ? ofGroup(look) : await withoutGroup(topology, stream)
  const rows = pendingRows(pending)
  return {
    ...shape,
    oldestPendingIdleMs: Math.max(0, ...rows.map((row) => row.idleMs)),
    mostDeliveries: Math.max(0, ...rows.map((row) => row.deliveries)),
    consumers: consumerStates(consumers, abandonedAfterMs),
    deadLetters: number(deadLetters),
    lost: losses.of(stream, group),
  }
}

const ofGroup = (look: Reply) => {
  const [, entries, first, ahead, firstAhead, pending, isAhead] = list(look)
  const undelivered = number(ahead)
  return {
    entries: number(entries),
    oldestEntryAgeMs: ageOf(first) ?? 0,
    undelivered: undelivered < 0 ? null : undelivered,
    oldestUndeliveredAgeMs: undelivered === 0 ? 0 : ageOf(firstAhead),
    pending: number(pending),
    isGroupAhead: number(isAhead) === 1,
  }
}

const withoutGroup = async (topology: Topology, stream: string) => {
  const { length, oldestAgeMs } = await streamStats(topology, stream)
  return {
    entries: length,
    oldestEntryAgeMs: oldestAgeMs,
    undelivered: 0,
    oldestUndeliveredAgeMs: 0,
    pending: 0,
    isGroupAhead: false,
  }
}

/** The time of the append is in the id. */
const ageOf = (id: Reply | undefined): number | null => {
  const name = text(id)
  return name === null ? null : Math.max(0, Date.now() - positionOf(name)[0])
}

const consumerStates = (reply: Reply, afterMs: number): { active: number; abandoned: number } => {
  const consumers = list(reply).map(record)
  const isSilent = (consumer: ReadonlyMap<string, Reply>) => number(consumer.get('idle')) > afterMs
  return {
    active: consumers.filter((consumer) => !isSilent(consumer)).length,
    abandoned: consumers.filter((consumer) => isSilent(consumer) && number(consumer.get('pending')) > 0)
      .length,
  }
}

/** What is asked of a stream or group that is not there. */
const orNothing = (asked: Promise<Reply>): Promise<Reply> =>
  asked.catch((error: unknown) => {
    if (replyCode(error) === 'NOGROUP' || (error instanceof Error && error.message === 'ERR no such key'))
      return null
    throw error
  })
