/**
 * What a drill is, and its course: quiet → the real fault → its alert, and only what belongs with it, at the webhook → the fault gone →
 * resolved at the webhook → quiet. Owns that course and its verdict; the faults are in drills/, the stack in stack.ts.
 */
import { availableParallelism, loadavg } from 'node:os'
import { until } from '../e2e/until.ts'
import { boundSeconds, drillSeconds, type Onset } from './clock.ts'
import { drillPace, productionPace } from './configs.ts'
import { alerts } from './rules.ts'
import { confirm } from './runbook.ts'
import { logsOf, type Stack } from './stack.ts'
import type { Active } from './watchers.ts'
import { nameOf } from './webhook.ts'

export type Mend = () => Promise<unknown> | void

export type Drill = Onset & {
  readonly alert: string
  /** Where it is heard of. `prometheus`: the fault is that Alertmanager cannot tell. `silence`: it is a voice that stops. */
  readonly heardAt?: 'webhook' | 'prometheus' | 'silence'
  /** Alerts that rightly come along; that they do is not asked. */
  readonly also?: readonly string[]
  /** One of the few that every change runs. */
  readonly fast?: true
  /** Wants a stack of its own: its traces stay for long, and so would those of others for it. */
  readonly alone?: true
  /** What the fault needs and what is no fault by itself, e.g. a service with another setting; given back by the mend. */
  readonly prepare?: (stack: Stack) => Promise<Mend | void>
  /** Does it, and returns how it is undone. */
  readonly fault: (stack: Stack) => Promise<Mend>
}

export type DrillResult = {
  readonly alert: string
  readonly outcome: 'passed' | 'failed'
  readonly problem?: string
  /** What was heard besides, of what the drill allows. */
  readonly also: readonly string[]
  /** Fault → firing at the webhook, mend → resolved at the webhook. */
  readonly firedSeconds: number | null
  readonly resolvedSeconds: number | null
  /** The arithmetic bound on the drill's clock, and on an operator's. */
  readonly boundSeconds: number
  readonly productionBoundSeconds: number
  /** Of the runbook's Confirm commands: how many ran; null without a runbook. */
  readonly confirmed: number | null
  /** The machine had several times more to do than it can: what else came is not judged as strictly as elsewhere. */
  readonly busy?: true
  readonly date: string
}

/** Always there, or only there to hold others back. */
const MACHINERY: ReadonlySet<string> = new Set(['Watchdog', 'InfoInhibitor'])

/** Their windows are hours and days: what another drill makes late, they remember for as long as its stack lives. */
const MEMORIES: ReadonlySet<string> = new Set(['FreshnessBudgetBurnFast', 'FreshnessBudgetBurnSlow'])

/** True, and no fault of ours, where the machine has several times more to do than it can. */
const SLOWNESS: ReadonlySet<string> = new Set([
  'BackfillStalled',
  'DatabaseSlow',
  'EventLoopStalled',
  'IndexedRateLow',
  'PendingIdle',
  'ScrapeSlow',
])
/** Answers that come too late there. They hold others back, so no drill begins beside them; during one they are no strangers. */
const LATE_ANSWERS: ReadonlySet<string> = new Set([
  'CursorStuck',
  'DatabaseDown',
  'DatabaseErrors',
  'FirehoseBehind',
  'IndexerStuck',
  'MetricsUnreadable',
  'ServiceNotReady',
  'StoreDown',
  'TargetDown',
  'UndeliveredUnknown',
])
const BUSY = 4

const isBusy = (): boolean => (loadavg()[0] ?? 0) > BUSY * availableParallelism()

const isNoise = (name: string): boolean =>
  !MACHINERY.has(name) && !MEMORIES.has(name) && !(SLOWNESS.has(name) && isBusy())

const QUIET_WITHIN_MS = 240_000
const QUIET_LOOKS = 4
const LOOK_EVERY_MS = 500

/** Nothing is pending or firing, every target is up, and the webhook has heard the end of everything. */
export const quiet = async (stack: Stack, withinMs = QUIET_WITHIN_MS): Promise<void> => {
  let looks = 0
  let seen: readonly string[] = []
  await until(
    'nothing is wrong',
    async () => {
      seen = await noise(stack)
      looks = seen.length === 0 ? looks + 1 : 0
      return looks >= QUIET_LOOKS ? true : null
    },
    { everyMs: LOOK_EVERY_MS, longestMs: withinMs, why: () => seen },
  )
}

const noise = async ({ prometheus, webhook }: Stack): Promise<readonly string[]> => {
  const active = (await prometheus.alerts()).map(({ name, state }) => `${name} (${state})`)
  const up = await prometheus.query('up')
  const down = up.filter(({ value }) => value !== 1).map(({ labels }) => `${labels['job']} is down`)
  const told = [...webhook.firing()].map((name) => `${name} (told)`)
  const early = up.length === 0 ? ['nothing was scraped yet'] : []
  return [...active, ...down, ...told, ...early].filter((text) => isNoise(text.split(' ')[0] ?? ''))
}

const GENEROUS = 5
const AT_LEAST_MS = 60_000

type Status = 'firing' | 'resolved'

/** When it was heard of, or null as long as it was not. */
type Ear = (
  stack: Stack,
  alert: string,
  status: Status,
  since: number,
) => Promise<number | null> | number | null

const EARS: Readonly<Record<NonNullable<Drill['heardAt']>, Ear>> = {
  webhook: ({ webhook }, alert, status, since) =>
    webhook.since(since).find((one) => nameOf(one) === alert && one.status === status)?.at ?? null,
  prometheus: async ({ prometheus }, alert, status) => {
    const active = await prometheus.alerts()
    const isFiring = active.some(({ name, state }) => name === alert && state === 'firing')
    return isFiring === (status === 'firing') ? performance.now() : null
  },
  silence: ({ webhook }, alert, status, since) => {
    const told = webhook.since(since).filter((one) => nameOf(one) === alert)
    if (status === 'resolved') return told[0]?.at ?? null
    const last = Math.max(since, ...told.map(({ at }) => at))
    return performance.now() - last > SILENCE_MS ? performance.now() : null
  },
}

/** Some times the interval at which a watchdog is told. */
const SILENCE_MS = 10_000

const different = (texts: readonly string[]): readonly string[] => [...new Set(texts)]

const hear = async (
  stack: Stack,
  drill: Drill,
  status: Status,
  from: { at: number; bound: number },
): Promise<number> => {
  const { alert, heardAt = 'webhook' } = drill
  let active: unknown = null
  const at = await until(
    `${alert} is heard of as ${status}`,
    async () => {
      active = await stack.prometheus.alerts().catch(() => [])
      return EARS[heardAt](stack, alert, status, from.at)
    },
    {
      everyMs: 100,
      longestMs: AT_LEAST_MS + GENEROUS * from.bound * 1_000,
      why: () => ({
        active: different((active as readonly Active[]).map(({ name, state }) => `${name} ${state}`)),
        heard: different(stack.webhook.since(from.at).map((one) => `${nameOf(one)} ${one.status}`)),
      }),
    },
  )
  return (at - from.at) / 1_000
}

const boundsOf = ({ alert, ...onset }: Drill) => {
  const rule = alerts().find(({ name }) => name === alert)
  if (rule === undefined) throw new Error(`no rule is called ${alert}`)
  return {
    boundSeconds: boundSeconds(rule, onset, drillPace(rule), drillSeconds),
    productionBoundSeconds: boundSeconds(rule, onset, productionPace(rule)),
  }
}

type Measured = Pick<DrillResult, 'also' | 'firedSeconds' | 'resolvedSeconds' | 'confirmed'>

const course = async (drill: Drill, stack: Stack, bound: number): Promise<Measured> => {
  await quiet(stack)
  const restore = (await drill.prepare?.(stack)) ?? null
  if (restore !== null) await quiet(stack)
  const begun = performance.now()
  const mend = await drill.fault(stack)
  let fired: number
  let confirmed: number | null
  let mended: number
  try {
    fired = await hear(stack, drill, 'firing', { at: begun, bound })
    confirmed = await confirm(drill.alert, stack)
  } finally {
    mended = performance.now()
    await mend()
    await restore?.()
  }
  const resolved = await hear(stack, drill, 'resolved', { at: mended, bound })
  if (drill.alone !== true) await quiet(stack)
  return { also: company(drill, stack, begun), firedSeconds: fired, resolvedSeconds: resolved, confirmed }
}

/** What else was heard of; throws for what does not belong with the drill. */
const company = ({ alert, also = [] }: Drill, { webhook }: Stack, begun: number): readonly string[] => {
  const firing = webhook.since(begun).filter(({ status }) => status === 'firing')
  const others = new Set(firing.map(nameOf).filter((name) => name !== alert && isNoise(name)))
  const strangers = [...others].filter(
    (name) => !also.includes(name) && !(LATE_ANSWERS.has(name) && isBusy()),
  )
  if (strangers.length > 0) throw new Error(`unexpected alerts: ${strangers.join(', ')}`)
  return [...others].sort()
}

export const run = async (drill: Drill, stack: Stack): Promise<DrillResult> => {
  const bounds = boundsOf(drill)
  const about = { alert: drill.alert, ...bounds, date: new Date().toISOString() }
  try {
    const measured = await course(drill, stack, bounds.boundSeconds)
    return { ...about, outcome: 'passed', ...measured, ...(isBusy() ? { busy: true as const } : {}) }
  } catch (error) {
    const problem = `${error instanceof Error ? error.message : String(error)}\n${logsOf(stack)}`
    const nothing = { also: [], firedSeconds: null, resolvedSeconds: null, confirmed: null }
    return { ...about, outcome: 'failed', problem, ...nothing }
  }
}
