/** Streams of an embedded log, which only the services themselves can tell of. Pure. */
import { LIST_REPOS_DONE, REPO_BACKFILL_DLQ } from '../../../event/streams.ts'
import type { StreamStatus } from '../../../monitoring/status.ts'
import { info, ok, unknown, warning, type Finding } from '../finding.ts'
import type { ServiceFacts } from '../services/facts.ts'
import { countText, secondsText } from '../words.ts'

const OLD_SECONDS = 3_600

export const checkTold = (services: readonly ServiceFacts[]): Finding[] => {
  const streams = services.flatMap(({ status }) => status?.streams ?? [])
  if (streams.length === 0)
    return [
      info('streams.unseen', 'No Redis was named and no service tells of its streams.', {
        why: 'Undelivered, pending and stuck entries, consumers, cursors and dead letters were not looked at.',
        fix: 'millrace doctor --redis-url redis://localhost:6379   # or start an `up`',
      }),
    ]
  return [...streams.flatMap(checkStream), ...checkLetters(streams), ...checkUpstreams(services)]
}

const checkStream = (told: StreamStatus): Finding[] => {
  const { stream, group, lag, pending, length, oldestAgeSeconds } = told
  if (group === null) return []
  if (lag === null)
    return [
      unknown('streams.undelivered', `${stream}: how many entries ${group} was never given is not known.`, {
        why: 'Unknown is not none: the stream may be far behind.',
        fix: 'millrace doctor --redis-url <url>',
      }),
    ]
  const text = `${stream}, group ${group}: ${countText(length)} entries, ${countText(lag)} undelivered, ${countText(pending ?? 0)} pending.`
  if (oldestAgeSeconds < OLD_SECONDS || stream === 'repo_backfill') return [ok('streams.group', text)]
  return [
    warning('streams.behind', `${text} The oldest is ${secondsText(oldestAgeSeconds)} old.`, {
      why: 'The AppView shows the network as it was then.',
      fix: 'millrace doctor --only postgres,machine   # what holds the indexer back?',
    }),
  ]
}

const checkLetters = (streams: readonly StreamStatus[]): Finding[] => {
  const letters = streams.find(({ stream }) => stream === REPO_BACKFILL_DLQ)
  if (letters === undefined) return []
  if (letters.length === 0) return [ok('streams.dead_letters', 'There are no dead letters.')]
  return [
    warning('streams.dead_letters', `${letters.stream} holds ${countText(letters.length)} dead letters.`, {
      why: 'Each is a repository that was given up on and is missing from the AppView.',
      fix: 'curl -s http://localhost:9091/metrics | grep backfiller_repos_failed   # by reason; docs/operations.md, "Dead letters"',
    }),
  ]
}

const checkUpstreams = (services: readonly ServiceFacts[]): Finding[] =>
  services
    .flatMap(({ status }) => status?.upstreams ?? [])
    .filter(({ kind, cursor }) => (kind === 'firehose' || kind === 'repos' ? cursor !== null : false))
    .map(({ kind, host, cursor }) =>
      ok(
        'streams.cursors',
        `${kind} of ${host}: ${cursor === LIST_REPOS_DONE ? 'the list is done' : `cursor ${cursor ?? ''}`}.`,
      ),
    )
