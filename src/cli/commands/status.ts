/**
 * `millrace status`: what a running deployment says of itself, asked over its metrics ports and, when a Redis is named, read
 * from the store. Changes nothing.
 */
import { sleep } from '../../lib/backoff.ts'
import { EXIT } from '../../lib/errors.ts'
import type { ServiceStatus } from '../../monitoring/status.ts'
import { openRedisLog } from '../../stream/redis/index.ts'
import type { Context, Run } from '../context.ts'
import { readStore, type StoreReport } from '../status/store.ts'
import { askService, type ServiceReport } from '../status/service.ts'
import { drawReport, type StatusReport } from '../status/draw.ts'

/** Long enough for a rate that means something, short enough to wait for. */
const SAMPLE_MS = 1_000

const rates = (before: ServiceStatus, after: ServiceStatus, seconds: number): Record<string, number> =>
  Object.fromEntries(
    Object.entries(after.totals).map(([key, total]) => [
      key,
      Math.max(0, Math.round(((total - (before.totals[key] ?? total)) / seconds) * 10) / 10),
    ]),
  )

/** Asks twice, so that totals become rates; what does not answer is left out. */
const askServices = async ({ settings, signal }: Context): Promise<ServiceReport[]> => {
  const first = await Promise.all(settings.services.map((url) => askService(url, signal)))
  const started = performance.now()
  if (first.some((report) => report !== null)) await sleep(SAMPLE_MS, signal)
  const second = await Promise.all(
    settings.services.map(async (url, i) => (first[i] ? askService(url, signal) : null)),
  )
  const seconds = (performance.now() - started) / 1_000
  return second.flatMap((report, i) => {
    const before = first[i]
    return report && before ? [{ ...report, rates: rates(before.status, report.status, seconds) }] : []
  })
}

const askStore = async ({ settings, logger }: Context): Promise<StoreReport | null> => {
  if (settings.redisUrl === null) return null
  await using log = await openRedisLog({
    url: settings.redisUrl,
    logger,
    startTimeoutMs: settings.redisWaitMs,
    // Asked when something is wrong: an unsafe Redis must not silence it.
    isOnlyLookedAt: true,
  })
  return await readStore(log)
}

export const status: Run = async (context) => {
  const [services, store] = await Promise.all([askServices(context), askStore(context)])
  const report: StatusReport = { services, store }
  context.answer(context.settings.json ? JSON.stringify(report, null, 2) : drawReport(report))
  const healthy = services.every(({ health }) => health.ready) && (services.length > 0 || store !== null)
  return healthy ? EXIT.ok : EXIT.negative
}
