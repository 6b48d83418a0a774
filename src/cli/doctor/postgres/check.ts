/** Judges a PostgreSQL server by what it said of itself. Pure. */
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { bytesText, countText, percentText, secondsText, someOf } from '../words.ts'
import type { DatabaseFacts } from './facts.ts'

/** Connections that services may open together, and how that was found out. */
export type Pools = { readonly size: number; readonly words: string }

export const checkDatabase = (facts: DatabaseFacts, pools: Pools): Finding[] => [
  ok(
    'postgres.version',
    `PostgreSQL ${facts.version} answers; the database has ${bytesText(facts.sizeBytes)}.`,
  ),
  ...checkRole(facts),
  ...checkSettings(facts),
  checkConnections(facts, pools),
  ...checkTransactions(facts),
  ...checkSlots(facts),
  info('postgres.disk', 'How much room its disk has cannot be asked over SQL.', {
    fix: 'df -h "$(psql -Atc "SHOW data_directory")"   # on the machine of PostgreSQL',
  }),
]

const checkRole = ({ isReplica, clockSkewSeconds }: DatabaseFacts): Finding[] => [
  ...(isReplica
    ? [
        error('postgres.replica', 'This is a replica, which refuses writes.', {
          why: 'Indexers wait for ever and acknowledge nothing.',
          fix: 'name the primary in DATABASE_URL; with several hosts: ?target_session_attrs=read-write',
        }),
      ]
    : []),
  ...(Math.abs(clockSkewSeconds) > 5
    ? [
        warning('postgres.clock', `Its clock differs by ${secondsText(Math.abs(clockSkewSeconds))}.`, {
          why: 'What it stamps (indexedAt) does not fit what services measure.',
          fix: 'timedatectl set-ntp true   # on the machine of PostgreSQL',
        }),
      ]
    : []),
]

type Rule = {
  readonly name: string
  readonly good: readonly string[]
  readonly why: string
  readonly fix: string
}

const alter = (name: string): string => `psql -c "ALTER SYSTEM SET ${name} = on" -c "SELECT pg_reload_conf()"`

/** Acknowledged entries are deleted from the streams: what a crash takes from the database comes from nowhere else. */
const DURABLE: readonly Rule[] = [
  {
    name: 'synchronous_commit',
    good: ['on', 'local', 'remote_write', 'remote_apply'],
    why: 'Entries are acknowledged after COMMIT; a crash of PostgreSQL would lose rows whose entries are gone from the streams.',
    fix: alter('synchronous_commit'),
  },
  {
    name: 'fsync',
    good: ['on'],
    why: 'A crash of the machine leaves the database damaged beyond repair.',
    fix: alter('fsync'),
  },
  {
    name: 'full_page_writes',
    good: ['on'],
    why: 'A crash of the machine may leave half-written pages that nothing repairs.',
    fix: alter('full_page_writes'),
  },
  {
    name: 'autovacuum',
    good: ['on'],
    why: 'Dead rows are never cleared away: tables and indexes grow and slow down without end.',
    fix: alter('autovacuum'),
  },
]

const checkSettings = ({ settings }: DatabaseFacts): Finding[] => {
  const broken = DURABLE.filter(({ name, good }) => !good.includes(settings[name] ?? 'on'))
  return broken.length === 0
    ? [ok('postgres.settings', 'It loses nothing in a crash (synchronous_commit, fsync, full_page_writes).')]
    : broken.map(({ name, why, fix }) =>
        error(`postgres.${name}`, `${name} is ${settings[name] ?? 'unknown'}.`, { why, fix }),
      )
}

const limitOf = ({ settings }: DatabaseFacts): number =>
  Number(settings['max_connections'] ?? 0) -
  Number(settings['superuser_reserved_connections'] ?? 0) -
  Number(settings['reserved_connections'] ?? 0)

const checkConnections = (facts: DatabaseFacts, pools: Pools): Finding => {
  const limit = limitOf(facts)
  const others = Math.max(0, facts.connections.all - facts.connections.ours)
  const text = `${pools.words} may open ${countText(pools.size)} connections, others hold ${others}; the server allows ${limit}.`
  const reason = {
    why: 'At full load the last ones are refused ("too many clients"), and the AppView with them.',
    fix: `export DB_POOL_MAX_SIZE=<less>   # or: psql -c "ALTER SYSTEM SET max_connections = ${Math.ceil((pools.size + others + 20) / 50) * 50}", and restart it; or PgBouncer`,
  }
  if (pools.size + others > limit) return error('postgres.pools', text, reason)
  if (facts.connections.all > 0.9 * limit)
    return warning(
      'postgres.connections',
      `${facts.connections.all} of ${limit} connections are open.`,
      reason,
    )
  return ok('postgres.pools', text)
}

const checkTransactions = ({ oldest }: DatabaseFacts): Finding[] => {
  const long = oldest.filter(({ seconds, state }) => seconds > (state.startsWith('idle') ? 60 : 600))
  const [first] = long
  if (first === undefined) return []
  return [
    warning(
      'postgres.transaction',
      `${long.length === 1 ? 'A transaction has' : `${long.length} transactions have`} been open for up to ${secondsText(first.seconds)} (${first.who}, ${first.state}).`,
      {
        why: 'Nothing that was deleted or updated since can be cleared away, and its locks may block others.',
        fix: `psql -c "SELECT pid, state, left(query, 80) FROM pg_stat_activity WHERE pid = ${first.pid}"   # to end it: SELECT pg_terminate_backend(${first.pid})`,
      },
    ),
  ]
}

const checkSlots = ({ idleSlots, age }: DatabaseFacts): Finding[] => [
  ...(idleSlots.length > 0
    ? [
        warning(
          'postgres.slots',
          `Replication slots that nobody reads keep ${bytesText(idleSlots.reduce((sum, { bytes }) => sum + bytes, 0))} of log: ${someOf(idleSlots.map(({ name }) => name))}.`,
          {
            why: 'The log they keep grows until the disk is full, which stops the server.',
            fix: `psql -c "SELECT pg_drop_replication_slot('${idleSlots[0]?.name ?? ''}')"   # if its reader is gone for good`,
          },
        ),
      ]
    : []),
  ...(age > 1_000_000_000
    ? [
        error(
          'postgres.age',
          `The oldest transaction id is ${percentText(age / 2 ** 31)} of the way to wraparound.`,
          {
            why: 'At its end the server accepts no more writes until it is vacuumed.',
            fix: 'psql -c "VACUUM (FREEZE, VERBOSE)"   # and find why autovacuum does not come through',
          },
        ),
      ]
    : []),
]
