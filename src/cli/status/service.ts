/** One running service, asked over its metrics port. */
import type { Health, ServiceStatus } from '../../monitoring/status.ts'

export type ServiceReport = {
  readonly url: string
  readonly status: ServiceStatus
  readonly health: Pick<Health, 'ready' | 'reasons'>
  /** Per second, by the words of `status.totals`. */
  readonly rates: Readonly<Record<string, number>>
}

const TIMEOUT_MS = 5_000

const getJson = async (url: string, signal: AbortSignal): Promise<unknown> => {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) })
  return response.json()
}

const isStatus = (value: unknown): value is ServiceStatus =>
  typeof value === 'object' && value !== null && 'service' in value && 'totals' in value && 'streams' in value

const isReadiness = (value: unknown): value is ServiceReport['health'] =>
  typeof value === 'object' && value !== null && 'ready' in value && 'reasons' in value

/** Null when nothing answers there, or something that is not a service of ours (9090 is also Prometheus's own port). */
export const askService = async (url: string, signal: AbortSignal): Promise<ServiceReport | null> => {
  const base = url.replace(/\/+$/, '')
  try {
    const [status, health] = await Promise.all([
      getJson(`${base}/status`, signal),
      getJson(`${base}/readyz`, signal),
    ])
    return isStatus(status) && isReadiness(health) ? { url: base, status, health, rates: {} } : null
  } catch {
    return null
  }
}
