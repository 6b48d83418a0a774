/** Judges a Redis by what it said of itself: can it keep what is entrusted to it? Pure. */
import { error, info, ok, unknown, warning, type Finding } from '../finding.ts'
import { secondsText } from '../words.ts'
import type { NodeFacts } from './facts.ts'

export const checkNode = (node: NodeFacts): Finding[] => [
  checkVersion(node),
  checkPolicy(node),
  checkPersistence(node),
  ...checkFailures(node),
  ...checkReplicas(node),
  ...checkClock(node),
]

const setting = ({ config, info: told }: NodeFacts, name: string): string | undefined =>
  config.get(name) ?? told.get(name.replaceAll('-', '_'))

const checkVersion = ({ info: told }: NodeFacts): Finding => {
  const valkey = told.get('valkey_version')
  const version = told.get('redis_version') ?? '0'
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`
  return major > 6 || (major === 6 && minor >= 2)
    ? ok('redis.version', `${name} answers.`)
    : error('redis.version', `${name} is too old.`, {
        why: 'Services refuse it: before 6.2 pending entries cannot be taken over in order.',
        fix: 'upgrade to Redis 6.2 or newer, or any Valkey',
      })
}

export const maxMemoryOf = (node: NodeFacts): number => Number(setting(node, 'maxmemory') ?? 0)

const checkPolicy = (node: NodeFacts): Finding => {
  const policy = setting(node, 'maxmemory-policy')
  if (policy === 'noeviction') return ok('redis.policy', 'It evicts nothing (maxmemory-policy noeviction).')
  if (policy === undefined)
    return unknown('redis.policy', 'Its maxmemory-policy cannot be read.', {
      why: 'With any policy but noeviction it may delete streams and cursors when memory is short.',
      fix: 'let this user run CONFIG GET and INFO, or look at the parameters of the managed Redis',
    })
  const fix = 'redis-cli CONFIG SET maxmemory-policy noeviction   # and the same line into redis.conf'
  return maxMemoryOf(node) > 0
    ? error('redis.policy', `It may evict what is entrusted to it (maxmemory-policy ${policy}).`, {
        why: 'When memory is short whole streams or cursors vanish without an error, and services refuse to start on it.',
        fix,
      })
    : warning(
        'redis.policy',
        `maxmemory-policy is ${policy}, harmless only as long as maxmemory is not set.`,
        {
          why: 'The day somebody sets maxmemory, streams and cursors begin to vanish.',
          fix,
        },
      )
}

const checkPersistence = (node: NodeFacts): Finding => {
  const hasLog = setting(node, 'appendonly') === 'yes' || node.info.get('aof_enabled') === '1'
  const fix = 'redis-cli CONFIG SET appendonly yes   # and the same line into redis.conf'
  if (hasLog && node.config.get('appendfsync') === 'no')
    return warning('redis.persistence', 'The append-only file is never flushed by Redis (appendfsync no).', {
      why: 'A crash of the machine loses up to half a minute of acknowledged entries.',
      fix: 'redis-cli CONFIG SET appendfsync everysec   # and the same line into redis.conf',
    })
  if (hasLog) return ok('redis.persistence', 'It persists every entry (appendonly yes).')
  const save = node.config.get('save')
  if (save === '')
    return error('redis.persistence', 'It persists nothing: neither appendonly nor save is set.', {
      why: 'A restart of Redis loses every stream and every cursor.',
      fix,
    })
  return warning('redis.persistence', 'It has snapshots at most, no append-only file.', {
    why: 'A crash of Redis loses every entry and cursor since its last snapshot.',
    fix,
  })
}

const FAILURES = [
  ['aof_last_write_status', 'the last write of the append-only file', 'redis.aof_write'],
  ['aof_last_bgrewrite_status', 'the last rewrite of the append-only file', 'redis.aof_rewrite'],
  ['rdb_last_bgsave_status', 'the last snapshot', 'redis.snapshot'],
] as const

const checkFailures = ({ info: told }: NodeFacts): Finding[] => [
  ...FAILURES.filter(([name]) => (told.get(name) ?? 'ok') !== 'ok').map(([, what, id]) =>
    error(id, `Redis says that ${what} failed.`, {
      why: 'It refuses writes (MISCONF) or will after a while, and a restart would lose what was not written.',
      fix: 'df -h "$(redis-cli CONFIG GET dir | tail -1)"   # disk full? then the log of Redis',
    }),
  ),
  ...(told.get('loading') === '1'
    ? [info('redis.loading', 'It is loading its data; every command waits until it has.')]
    : []),
  ...evicted(Number(told.get('evicted_keys') ?? 0)),
]

const evicted = (count: number): Finding[] =>
  count === 0
    ? []
    : [
        error('redis.evicted', `It has evicted ${count} keys since it started.`, {
          why: 'Streams, cursors or cached identities were deleted to make room: events may be lost for good.',
          fix: 'redis-cli CONFIG SET maxmemory-policy noeviction   # then see which cursors are gone: millrace doctor --only streams',
        }),
      ]

const checkReplicas = ({ info: told, config }: NodeFacts): Finding[] => {
  const wanted = Number(config.get('min-replicas-to-write') ?? 0)
  const connected = Number(told.get('connected_slaves') ?? 0)
  if (told.get('role') === 'slave')
    return [
      error('redis.replica', 'This is a replica, not the master.', {
        why: 'It refuses writes, and what a failover leaves behind on it is lost.',
        fix: 'name the master, or the sentinels: redis+sentinel://h1,h2/<master>',
      }),
    ]
  if (wanted > connected)
    return [
      error('redis.replicas', `It demands ${wanted} replicas and has ${connected}.`, {
        why: 'It refuses every write until they are back (NOREPLICAS).',
        fix: 'start the replicas, or: redis-cli CONFIG SET min-replicas-to-write 0',
      }),
    ]
  return connected > 0 ? [ok('redis.replicas', `${connected} replicas are connected.`)] : []
}

const checkClock = ({ clockSkewSeconds: skew }: NodeFacts): Finding[] =>
  Math.abs(skew) < 2
    ? []
    : [
        warning(
          'redis.clock',
          `Its clock is ${secondsText(Math.abs(skew))} ${skew > 0 ? 'ahead' : 'behind'}.`,
          {
            why: 'The ids of entries carry its time: ages and freshness are wrong by this much.',
            fix: 'timedatectl set-ntp true   # on the machine of Redis',
          },
        ),
      ]
