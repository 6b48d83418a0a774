/**
 * What a test file needs beyond Node, told by its name: `codec.test.ts` nothing, `log.redis.test.ts` Redis,
 * `write.redis.pg.test.ts` Redis and PostgreSQL. Where something is missing: a failure in CI, a loudly named skip elsewhere.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from './binaries.ts'
import { findProgram } from './binaries.ts'

export type Need =
  'redis' | 'pg' | 'prom' | 'alerts' | 'compose' | 'browser' | 'runbooks' | 'bouncer' | 'fixtures'

export const PROGRAMS: Record<Need, readonly Program[]> = {
  redis: ['redis-server'],
  pg: [],
  prom: ['prometheus', 'promtool'],
  alerts: ['alertmanager', 'amtool', 'redis-exporter', 'postgres-exporter'],
  compose: ['docker-compose'],
  browser: ['chromium'],
  runbooks: ['curl', 'jq', 'psql', 'redis-cli'],
  bouncer: ['pgbouncer'],
  fixtures: [],
}

const isNeed = (word: string): word is Need => Object.hasOwn(PROGRAMS, word)

/** `src/x/log.redis.test.ts` → `['redis']`. */
export const needsOf = (file: string): Need[] => {
  const words = file.split('/').at(-1)?.split('.').slice(1, -2) ?? []
  return words.filter(isNeed)
}

/** Why a need cannot be met on this machine, or null. */
export const whyMissing = (need: Need): string | null => {
  if (need === 'redis' && process.env['TEST_REDIS_URL']) return null
  if (need === 'fixtures')
    return existsSync(fixturesDir()) ? null : `no fixtures at ${fixturesDir()} (MILLRACE_FIXTURES)`
  const absent = PROGRAMS[need].filter((program) => findProgram(program) === null)
  return absent.length > 0 ? `${absent.join(' and ')} not found on this machine` : null
}

/** Options for `test()`: `test('…', needs('redis'), …)`. In CI nothing is skipped, so that what is missing fails. */
export const needs = (...wanted: Need[]): { skip?: string } => {
  if (process.env['CI'] === 'true') return {}
  const reasons = wanted.map(whyMissing).filter((reason) => reason !== null)
  return reasons.length > 0 ? { skip: `SKIPPED: ${reasons.join('; ')}` } : {}
}

/** Captured bytes of the real network: MILLRACE_FIXTURES, or `../shared/fixtures` beside the project. */
export const fixturesDir = (): string =>
  process.env['MILLRACE_FIXTURES'] ?? join(import.meta.dirname, '../../../shared/fixtures')
