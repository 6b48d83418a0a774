/**
 * The backfiller: repos named by the input stream, fetched whole from their PDS, verified, written as events. Owns the loop and
 * what its parts share; everything that decides is in the files it imports. There is no batch: each repo runs by itself, so a
 * slow one holds up nobody.
 */
import type { Registry } from '@prometheus-io/client'
import { createResolver } from '../atproto/identity.ts'
import { sleep } from '../lib/backoff.ts'
import type { Service } from '../lib/service.ts'
import { createRegistry } from '../monitoring/registry.ts'
import type { StatusSource } from '../monitoring/status.ts'
import { openAccounts, type Accounts } from './accounts.ts'
import { REMEMBERED_IDENTITIES } from './bounds.ts'
import { ByteBudget } from './budget.ts'
import { Hosts } from './hosts.ts'
import { Identities } from './identities.ts'
import { openIntake, type Intake } from './intake.ts'
import { registerBackfillerMetrics, type BackfillerMetrics } from './metrics.ts'
import { settingsOf, type BackfillerOptions, type Settings } from './options.ts'
import { OutputGate } from './output-gate.ts'
import { Progress } from './progress.ts'
import { createStatus } from './status.ts'
import { watchInput, type InputReports } from './streams.ts'
import { work, type WorkContext } from './work.ts'

export type { BackfillerOptions } from './options.ts'

export type Backfiller = {
  readonly service: Service
  readonly registry: Registry
  readonly status: StatusSource
}

export const createBackfiller = (options: BackfillerOptions): Backfiller => {
  const settings = settingsOf(options)
  const registry = createRegistry('backfiller', settings.version)
  const parts = createParts(settings, registry)
  const status = createStatus({ ...parts, log: settings.log, settings })
  return { service: { name: 'backfiller', run: (signal) => run(settings, parts, signal) }, registry, status }
}

type Parts = {
  readonly metrics: BackfillerMetrics
  readonly inputReports: InputReports
  readonly accounts: Accounts
  readonly hosts: Hosts
  readonly budget: ByteBudget
  readonly gate: OutputGate
  readonly identities: Identities
  readonly progress: Progress
}

const createParts = (settings: Settings, registry: Registry): Parts => {
  const { log, concurrency, perHostConcurrency, hostPatienceMs: patienceMs } = settings
  const hosts = new Hosts({
    concurrency,
    perHost: perHostConcurrency,
    patienceMs,
    onLimitedSeconds: (seconds) => metrics.rateLimitWaitSeconds.inc(seconds),
  })
  const budget = new ByteBudget(settings.memoryBytes)
  const progress = new Progress()
  const accounts = openAccounts()
  const outputLength = async () => (await log.streamStats(settings.outputStream)).length
  const metrics = registerBackfillerMetrics(registry, {
    waiting: () => waiting(settings, hosts),
    outputLength,
    deadLetters: async () => (await log.streamStats(settings.deadLetterStream)).length,
    memoryBytes: () => budget.used,
    heldHosts: () => hosts.held,
    residuals: () => ({ repos: accounts.repos.residual(), records: accounts.records.residual() }),
  })
  const inputReports = watchInput(settings, registry)
  metrics.slots.set(concurrency)
  metrics.highWaterMark.set(settings.highWaterMark)
  const gate = new OutputGate({
    length: outputLength,
    highWaterMark: settings.highWaterMark,
    checkEveryMs: 500,
    onActiveChange: (active) => onBackpressure(active, settings, metrics, progress),
    onActiveSeconds: (seconds) => metrics.backpressureSeconds.inc(seconds),
  })
  return {
    metrics,
    inputReports,
    accounts,
    hosts,
    budget,
    gate,
    progress,
    identities: createIdentities(settings, metrics),
  }
}

/** Delivered entries that wait for a place count as waiting: nobody works on them. */
const waiting = async ({ log, inputStream, group }: Settings, { running }: Hosts): Promise<number> => {
  const { lag, pending } = await log.groupStats(inputStream, group)
  const undelivered = lag ?? Math.max(0, (await log.streamStats(inputStream)).length - pending)
  return undelivered + Math.max(0, pending - running)
}

const onBackpressure = (
  active: boolean,
  { logger, outputStream, highWaterMark }: Settings,
  metrics: BackfillerMetrics,
  progress: Progress,
): void => {
  metrics.backpressureActive.set(active ? 1 : 0)
  logger.info({ stream: outputStream, highWaterMark }, `back-pressure ${active ? 'begins' : 'ends'}`)
  if (!active) return
  metrics.backpressureEvents.inc()
  const what = `${outputStream} reached its high-water mark of ${highWaterMark} entries`
  progress.problem(
    'warning',
    what,
    'The indexer is slower than the backfiller; backfill pauses until it catches up.',
  )
}

/** Repos waiting for a place, on top of those that have one: enough that one busy host does not hide the others. */
const WINDOW_FACTOR = 4
const DIRECTORY_CONCURRENCY = 16
const MINUTE_MS = 60_000

const createIdentities = (settings: Settings, metrics: BackfillerMetrics): Identities => {
  const { log, plcUrl, allowHttp, httpTimeoutMs, hostPatienceMs } = settings
  return new Identities({
    log,
    allowHttp,
    resolver: createResolver({ plcUrl, allowHttp, timeoutMs: Math.min(httpTimeoutMs, 30_000) }),
    directories: new Hosts({
      concurrency: settings.concurrency,
      perHost: DIRECTORY_CONCURRENCY,
      patienceMs: hostPatienceMs,
    }),
    maxEntries: REMEMBERED_IDENTITIES,
    memoryTtlMs: 10 * MINUTE_MS,
    sharedTtlMs: 24 * 60 * MINUTE_MS,
    onLookup: (source) => metrics.identityLookups.inc({ source }),
  })
}

const run = async (settings: Settings, parts: Parts, signal: AbortSignal): Promise<void> => {
  const failed = new AbortController()
  const abandon = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const onDeadLetter = () => parts.metrics.deadLettered.inc()
  const intake = openIntake(settings, { ...parts.inputReports, onDeadLetter })
  const { log, logger } = settings
  const context = { ...parts, settings, log, logger, intake, stop, abandon: abandon.signal }
  const tasks = new Set<Promise<void>>()
  const failures: unknown[] = []
  const start = (task: Promise<void>) => {
    const ended = task
      .catch((error: unknown) => {
        failures.push(error)
        failed.abort(error)
      })
      .finally(() => tasks.delete(ended))
    tasks.add(ended)
  }
  await take(intake, context, { tasks, start }).catch((error: unknown) => failures.push(error))
  await drain(tasks, settings.stopGraceMs, abandon)
  if (failures.length > 0) throw failures[0]
}

type Tasks = { readonly tasks: ReadonlySet<Promise<void>>; readonly start: (task: Promise<void>) => void }

const take = async (intake: Intake, context: WorkContext, { tasks, start }: Tasks): Promise<void> => {
  const { stop, gate, settings, accounts } = context
  const window = settings.concurrency * WINDOW_FACTOR
  while (!stop.aborted) {
    await gate.pass(0, stop)
    const entries = await intake.next(window - tasks.size, stop)
    accounts.repos.receive(entries?.length ?? 0)
    for (const entry of entries ?? []) start(work(entry, context))
    if (tasks.size >= window) await Promise.race(tasks)
  }
}

/** In flight may finish within the grace; the rest is left pending for the next start. */
const drain = async (
  tasks: ReadonlySet<Promise<void>>,
  graceMs: number,
  abandon: AbortController,
): Promise<void> => {
  const finished = new AbortController()
  const all = Promise.all(tasks).finally(() => finished.abort())
  await sleep(graceMs, finished.signal)
  abandon.abort()
  await all
}
