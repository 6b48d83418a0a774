/**
 * What a Redis must be before anything is entrusted to it: new enough, not allowed to evict. What it should be, and is only
 * warned about: persisted. Managed servers that hide CONFIG are asked through INFO.
 */
import { EXIT, SetupError } from '../../lib/errors.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Command, Reply } from './link.ts'
import { list, record } from './replies.ts'

export type ServerFacts = {
  readonly version: string
  readonly maxMemoryBytes: number
  readonly evictionPolicy: string
  readonly hasAppendOnlyFile: boolean
  /** null when the server does not tell whether it takes snapshots. */
  readonly hasSnapshots: boolean | null
}

type Send = (command: Command) => Promise<Reply>

/** Errors: SetupError(unsafeConfig). */
export const checkServer = async (send: Send, logger: Logger): Promise<void> => {
  const facts = await serverFacts(send)
  for (const warning of judge(facts)) logger.warn(warning)
}

/** Throws what stops the start; returns what must be warned about. */
export const judge = (facts: ServerFacts): string[] => {
  if (!isAtLeast(facts.version, 6, 2)) {
    throw new SetupError(`This Redis is version ${facts.version}.`, {
      remedy: 'Use Redis 6.2 or newer, or any Valkey.',
      exitCode: EXIT.unsafeConfig,
    })
  }
  const canEvict = facts.evictionPolicy !== 'noeviction'
  if (canEvict && facts.maxMemoryBytes > 0) {
    throw new SetupError(
      `This Redis may evict data when memory is short (maxmemory-policy ${facts.evictionPolicy}).`,
      {
        remedy:
          'Run `redis-cli CONFIG SET maxmemory-policy noeviction` and put `maxmemory-policy noeviction` into redis.conf ' +
          '(or the parameter group of a managed Redis).',
        exitCode: EXIT.unsafeConfig,
      },
    )
  }
  const warnings: string[] = []
  if (canEvict) {
    warnings.push(
      `Redis has maxmemory-policy ${facts.evictionPolicy}: harmless without maxmemory, but set it to noeviction before you set one`,
    )
  }
  if (!facts.hasAppendOnlyFile && facts.hasSnapshots === false) {
    warnings.push(
      'Redis persists NOTHING (neither appendonly nor save): a restart of Redis loses every stream and cursor. ' +
        'Run `redis-cli CONFIG SET appendonly yes` and put `appendonly yes` into redis.conf',
    )
  } else if (!facts.hasAppendOnlyFile) {
    warnings.push(
      'Redis has no append-only file: a crash of Redis loses what came after its last snapshot. ' +
        'Run `redis-cli CONFIG SET appendonly yes` and put `appendonly yes` into redis.conf',
    )
  }
  return warnings
}

const serverFacts = async (send: Send): Promise<ServerFacts> => {
  const info = parseInfo(String(await send(['INFO'])))
  const config = await readConfig(send)
  const save = config.get('save')
  return {
    version: info.get('redis_version') ?? '0.0.0',
    maxMemoryBytes: Number(config.get('maxmemory') ?? info.get('maxmemory') ?? 0),
    evictionPolicy: config.get('maxmemory-policy') ?? info.get('maxmemory_policy') ?? 'noeviction',
    hasAppendOnlyFile: config.get('appendonly') === 'yes' || info.get('aof_enabled') === '1',
    hasSnapshots: save === undefined ? null : save !== '',
  }
}

/** One name at a time: Redis before 7 knows no more. Empty when CONFIG is forbidden or renamed. */
const readConfig = async (send: Send): Promise<ReadonlyMap<string, string>> => {
  const config = new Map<string, string>()
  for (const name of ['maxmemory', 'maxmemory-policy', 'appendonly', 'save']) {
    const reply = await send(['CONFIG', 'GET', name]).catch((): Reply => [])
    for (const [key, value] of record(list(reply))) config.set(key, String(value))
  }
  return config
}

export const parseInfo = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':')
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
    }),
  )

const isAtLeast = (version: string, major: number, minor: number): boolean => {
  const [a = 0, b = 0] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}
