/** Judges streams and their readers by what Redis says of them. Pure. */
import { error, info, ok, unknown, warning, type Finding } from '../finding.ts'
import type { GroupFacts, StreamFacts } from '../redis/streams.ts'
import { countText, secondsText, someOf } from '../words.ts'

const MINUTE = 60_000
/** Longer than a healthy service leaves an entry: claims begin well before. */
const STUCK_MS = 10 * MINUTE
const ABANDONED_MS = 5 * MINUTE
const OLD_MS = 60 * MINUTE
const POISON_DELIVERIES = 5

export const checkStreams = (streams: readonly StreamFacts[]): Finding[] =>
  streams.flatMap((stream) => {
    const findings = stream.groups.flatMap((group) => checkGroup(stream, group))
    return [...findings, ...checkReaders(stream)]
  })

/** A stream without letters is no finding of its own; letters are told with their commonest reasons. */
export const checkLetters = (letters: readonly StreamFacts[]): Finding[] => {
  const full = letters.filter(({ length }) => length > 0)
  if (full.length === 0) return [ok('streams.dead_letters', 'There are no dead letters.')]
  return full.map(({ stream, length, reasons }) => {
    const counts = Map.groupBy(reasons, (reason) => reason)
    const common = [...counts].sort(([, a], [, b]) => b.length - a.length)
    const words = common.map(([reason, all]) => `${reason} ×${all.length}`)
    return warning(
      'streams.dead_letters',
      `${stream} holds ${countText(length)} dead letters: ${someOf(words)}.`,
      {
        why: 'Each is a repository or an event that was given up on and is missing from the AppView.',
        fix: `redis-cli XREVRANGE ${stream} + - COUNT 10   # what each reason means, and how to replay: docs/operations.md, "Dead letters"`,
      },
    )
  })
}

const checkReaders = ({ stream, length, groups }: StreamFacts): Finding[] =>
  groups.length > 0 || length === 0
    ? []
    : [
        warning('streams.unread', `${stream} holds ${countText(length)} entries and no group reads it.`, {
          why: 'Nothing takes them out; the stream grows to its high-water mark and stops what writes to it.',
          fix: 'start its reader: millrace indexer, or millrace backfiller for repo_backfill',
        }),
      ]

const checkGroup = ({ stream, length }: StreamFacts, group: GroupFacts): Finding[] => {
  const place = `${stream}, group ${group.name}`
  const findings = [
    ...checkPosition(stream, group),
    ...checkPending(stream, group),
    ...checkConsumers(stream, group),
    ...checkAge(stream, group),
  ]
  if (findings.length > 0) return findings
  const undelivered = countText(group.undelivered ?? 0)
  return [
    ok(
      'streams.group',
      `${place}: ${countText(length)} entries, ${undelivered} undelivered, ${countText(group.pending)} pending, ${group.consumers.length} consumers.`,
    ),
  ]
}

const checkPosition = (stream: string, { name, isAhead, undelivered }: GroupFacts): Finding[] => {
  if (isAhead)
    return [
      error('streams.ahead', `${stream}: group ${name} stands beyond the end of the stream.`, {
        why: 'The stream was restored or made anew: what is written now is never delivered, and every figure says "nothing to do".',
        fix: `redis-cli XGROUP SETID ${stream} ${name} 0   # entries repeat, which does no harm; a restart of the reader does it, too`,
      }),
    ]
  if (undelivered !== null) return []
  return [
    unknown(
      'streams.undelivered',
      `${stream}: how many entries group ${name} was never given cannot be told.`,
      {
        why: 'Several groups read the stream, so what is stored says nothing about one of them.',
        fix: `redis-cli XINFO GROUPS ${stream}   # a group nobody uses: redis-cli XGROUP DESTROY ${stream} <group>`,
      },
    ),
  ]
}

const checkPending = (stream: string, { name, oldestPending }: GroupFacts): Finding[] => {
  const stuck = oldestPending.filter(({ idleMs }) => idleMs > STUCK_MS)
  const poison = oldestPending.filter(({ deliveries }) => deliveries >= POISON_DELIVERIES)
  const idle = Math.max(0, ...stuck.map(({ idleMs }) => idleMs)) / 1_000
  const holders = [...new Set(stuck.map(({ consumer }) => consumer))]
  return [
    ...(stuck.length > 0
      ? [
          error(
            'streams.stuck',
            `${stream}: ${stuck.length === oldestPending.length && stuck.length >= 100 ? 'at least ' : ''}${countText(stuck.length)} entries are with ${someOf(holders)} of ${name} and nobody has touched them for up to ${secondsText(idle)}.`,
            {
              why: 'A reader took them and neither finished nor gave them up: their records are missing from the AppView.',
              fix: `redis-cli XPENDING ${stream} ${name} - + 10   # restart the reader; another takes them over: millrace indexer --indexer-consumer <another name>`,
            },
          ),
        ]
      : []),
    ...(poison.length > 0
      ? [
          warning(
            'streams.poison',
            `${stream}: ${countText(poison.length)} pending entries were delivered ${POISON_DELIVERIES} times or more.`,
            {
              why: 'Each delivery ended without an outcome: processing them fails or ends the process.',
              fix: `redis-cli XRANGE ${stream} ${poison[0]?.id ?? '-'} ${poison[0]?.id ?? '+'}   # and the log of the reader`,
            },
          ),
        ]
      : []),
  ]
}

const checkConsumers = (stream: string, { name, consumers, undelivered }: GroupFacts): Finding[] => {
  const abandoned = consumers.filter(({ pending, idleMs }) => pending > 0 && idleMs > ABANDONED_MS)
  const active = consumers.filter(({ idleMs }) => idleMs <= ABANDONED_MS)
  const idle = consumers.filter(({ pending, idleMs }) => pending === 0 && idleMs > 24 * 60 * MINUTE)
  return [
    ...abandoned.map((consumer) =>
      warning(
        'streams.abandoned',
        `${stream}: consumer ${consumer.name} of ${name} has ${countText(consumer.pending)} entries and was last seen ${secondsText(consumer.idleMs / 1_000)} ago.`,
        {
          why: 'Its process is gone or hangs. Others of the group take over what it holds; if nobody does, it stays.',
          fix: `start it again under the same name, or let another run; then: redis-cli XINFO CONSUMERS ${stream} ${name}`,
        },
      ),
    ),
    ...(active.length === 0 && (undelivered ?? 0) > 0
      ? [
          error(
            'streams.no_reader',
            `${stream}: ${countText(undelivered ?? 0)} entries wait and no consumer of ${name} is there.`,
            {
              why: 'Nothing reads the stream; it grows to its high-water mark and then stops intake.',
              fix: 'millrace indexer --redis-url <url> --database-url <url>   # or millrace backfiller for repo_backfill',
            },
          ),
        ]
      : []),
    ...(idle.length > 0
      ? [
          info(
            'streams.idle',
            `${stream}: ${idle.length} consumers of ${name} have not been seen for a day and hold nothing.`,
            {
              why: 'Left behind by processes that had another name; harmless.',
              fix: `redis-cli XGROUP DELCONSUMER ${stream} ${name} ${idle[0]?.name ?? ''}`,
            },
          ),
        ]
      : []),
  ]
}

const checkAge = (stream: string, { name, undeliveredAgeMs, undelivered }: GroupFacts): Finding[] =>
  undeliveredAgeMs === null || undeliveredAgeMs < OLD_MS || stream === 'repo_backfill'
    ? []
    : [
        warning(
          'streams.behind',
          `${stream}: group ${name} is ${secondsText(undeliveredAgeMs / 1_000)} behind${undelivered === null ? '' : ` (${countText(undelivered)} undelivered)`}.`,
          {
            why: 'The AppView shows the network as it was then; a relay forgets what intake cannot take within about three days.',
            fix: 'millrace indexer --indexer-consumer <another name>   # more readers; is PostgreSQL slow? millrace doctor --only postgres',
          },
        ),
      ]
