/** Joins what Redis and the services say of streams. */
import { unknown, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'
import { total } from '../scrape.ts'
import type { ServiceFacts } from '../services/facts.ts'
import { checkLetters, checkStreams } from './check.ts'
import { checkCursors } from './cursors.ts'
import { checkTold } from './told.ts'

const gained = (ingesters: readonly ServiceFacts[], name: string): number =>
  ingesters.reduce(
    (sum, { scraped, later }) => sum + ((total(later, name) ?? 0) - (total(scraped.samples, name) ?? 0)),
    0,
  )

export const examineStreams = async (patient: Patient): Promise<Finding[]> => {
  const [facts, services] = await Promise.all([patient.redis(), patient.services()])
  if (facts === null) return checkTold(services)
  if (facts.failure !== null)
    return [
      unknown('streams.unseen', 'Streams could not be looked at: Redis cannot be reached.', {
        why: 'Undelivered, pending and stuck entries, consumers, cursors and dead letters are unknown.',
        fix: 'millrace doctor --only redis',
      }),
    ]
  const ingesters = services.filter(({ kind, later }) => kind === 'ingester' && later.length > 0)
  const letters = facts.streams.filter(({ stream }) => stream.endsWith('_dlq'))
  return [
    ...checkStreams(facts.streams.filter((stream) => !letters.includes(stream))),
    ...checkCursors({
      cursors: facts.cursors,
      eventsMeanwhile: ingesters.length === 0 ? null : gained(ingesters, 'ingester_firehose_events_total'),
      isHeldBack: ingesters.some(({ later }) => (total(later, 'ingester_backpressure_active') ?? 0) > 0),
    }),
    ...checkLetters(letters),
  ]
}
