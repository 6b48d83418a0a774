/** Questions to the Prometheus of a fleet, and waiting until it has seen something. */
import { sampleValue } from '../../src/monitoring/exposition.ts'
import { until } from '../../test/e2e/until.ts'
import type { Fleet } from './fleet.ts'

export type Series = { readonly labels: Readonly<Record<string, string>>; readonly value: number }

type Vector = { result: { metric: Record<string, string>; value: [number, string] }[] }
type Answer<T> = { status: string; error?: string; data: T }

export const api = async <T>({ road }: Fleet, path: string): Promise<T> => {
  const response = await fetch(`http://127.0.0.1:${road.portOf('localhost:9090')}${path}`)
  const answer = (await response.json()) as Answer<T>
  if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? response.status}`)
  return answer.data
}

export const askFor = async (fleet: Fleet, expression: string): Promise<readonly Series[]> => {
  const { result } = await api<Vector>(fleet, `/api/v1/query?query=${encodeURIComponent(expression)}`)
  return result.map(({ metric, value }) => ({
    labels: metric,
    value: sampleValue(value[1]),
  }))
}

/** Until the expression gives something other than 0. */
export const untilTrue = (fleet: Fleet, expression: string): Promise<true> =>
  until(
    `Prometheus answers ${expression}`,
    async () => ((await askFor(fleet, expression)).some(({ value }) => value !== 0) ? true : null),
    { everyMs: 250, longestMs: 90_000, why: () => fleet.programs.get('ingester')?.log() },
  )
