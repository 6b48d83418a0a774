/** Can the safety limits be reached before Redis is full, and the alerts fire before that? Pure. */
import { productionClock } from '../../../monitoring/alerts/clock.ts'
import { ruleGroups } from '../../../monitoring/alerts/index.ts'
import { SAMPLE_MS } from '../sampling.ts'
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { bytesText, countText, percentText, secondsText, someOf } from '../words.ts'
import { maxMemoryOf } from './check.ts'
import type { NodeFacts } from './facts.ts'

export type Mark = { readonly stream: string; readonly entries: number; readonly entryBytes: number | null }

/** Most records come to about this, with Redis's own share; taken while a stream is too short to measure. */
const USUAL_ENTRY_BYTES = 1_024
/** Less growth than this between two looks is the noise of buffers. */
const NOISE_BYTES = 256 * 1_024

export const checkMemory = (node: NodeFacts, marks: readonly Mark[]): Finding[] => {
  const limit = maxMemoryOf(node)
  if (limit === 0) return [noLimit(node)]
  const used = Number(node.info.get('used_memory') ?? 0)
  return [checkUse(used, limit), ...checkMarks(marks, limit), ...checkGrowth(node, used, limit)]
}

const noLimit = ({ info: told }: NodeFacts): Finding => {
  const machine = Number(told.get('total_system_memory') ?? 0)
  const advice = machine > 0 ? Math.floor((machine * 0.6) / 1024 ** 2) : 4_096
  return warning('redis.limit', 'It has no memory limit (maxmemory 0).', {
    why: 'It grows until the kernel ends it, which loses the last entries; with a limit it refuses writes and the services wait.',
    fix: `redis-cli CONFIG SET maxmemory ${advice}mb   # and the same line into redis.conf`,
  })
}

const checkUse = (used: number, limit: number): Finding => {
  const text = `${bytesText(used)} of ${bytesText(limit)} are used (${percentText(used / limit)}).`
  const reason = {
    why: 'When it is full it refuses every append; intake stops. Reading and acknowledging still work, so draining frees it.',
    fix: 'add indexers, or: redis-cli CONFIG SET maxmemory <more>; what fills it: redis-cli --bigkeys',
  }
  if (used > 0.95 * limit) return error('redis.memory', text, reason)
  if (used > 0.8 * limit) return warning('redis.memory', text, reason)
  return ok('redis.memory', text)
}

const bytesOf = ({ entries, entryBytes }: Mark): number => entries * (entryBytes ?? USUAL_ENTRY_BYTES)

/** All streams stand at their marks at once when the indexers stop: that is what the limit has to hold. */
const checkMarks = (marks: readonly Mark[], limit: number): Finding[] => {
  if (marks.length === 0) return []
  const needed = marks.reduce((sum, mark) => sum + bytesOf(mark), 0)
  const words = marks.map(
    (mark) =>
      `${mark.stream} ${countText(mark.entries)} × ${bytesText(mark.entryBytes ?? USUAL_ENTRY_BYTES)}${mark.entryBytes === null ? ' (assumed)' : ''}`,
  )
  const text = `Streams at their high-water marks need ${bytesText(needed)} of ${bytesText(limit)}: ${someOf(words, 6)}.`
  if (needed <= limit * 0.9) return [ok('redis.marks', text)]
  const fitting = Math.floor(((limit * 0.8) / needed) * Math.max(...marks.map(({ entries }) => entries)))
  return [
    error('redis.marks', text, {
      why: 'Redis is full before back-pressure begins: instead of waiting, services are refused, and the alert on back-pressure can never fire.',
      fix: `export INGESTER_HIGH_WATER_MARK=${fitting} BACKFILLER_FIREHOSE_STREAM_HIGH_WATER_MARK=${fitting}   # or raise maxmemory beyond ${bytesText(needed / 0.8)}`,
    }),
  ]
}

const checkGrowth = (node: NodeFacts, used: number, limit: number): Finding[] => {
  const growth = node.usedLaterBytes - used
  if (growth < NOISE_BYTES) return [ok('redis.growth', 'It does not grow at the moment.')]
  const rate = growth / (SAMPLE_MS / 1_000)
  const left = Math.max(0, limit - node.usedLaterBytes) / rate
  const text = `At its present growth (${bytesText(rate)}/s) it is full in ${secondsText(left)}.`
  const late = alertsLaterThan(left)
  const findings =
    left > 3_600
      ? [info('redis.growth', text)]
      : [
          warning('redis.growth', text, {
            why: 'From then on every append is refused. A backfill grows until its high-water mark stops it: see whether the marks fit above.',
            fix: 'millrace status --redis-url <url>   # which stream grows; add indexers, or lower its high-water mark',
          }),
        ]
  return late.length === 0 ? findings : [...findings, tooLate(late, left)]
}

/** Alerts about room that would still be waiting for their `for` when there is none left. */
const alertsLaterThan = (seconds: number): readonly string[] =>
  ruleGroups(productionClock)
    .flatMap(({ alerts = [] }) => alerts)
    .filter(({ expr, forSeconds }) => expr.includes('store_used_bytes') && forSeconds > seconds)
    .map(({ name, forSeconds }) => `${name} (for: ${secondsText(forSeconds)})`)

const tooLate = (late: readonly string[], left: number): Finding =>
  warning('redis.alert_for', `Alerts that come after it is full: ${someOf(late)}.`, {
    why: `Their condition has to hold longer than the ${secondsText(left)} that are left: nobody is told in time.`,
    fix: 'slow the intake (lower high-water marks) or raise maxmemory; a shorter `for` is the last resort',
  })
