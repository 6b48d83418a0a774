/** A service under test: running, its figures at hand, its end awaited. */
import type { Registry } from '@prometheus-io/client'
import type { Service } from '../lib/service.ts'
import { scrape } from './registry.ts'

export type RunningService<T> = T &
  AsyncDisposable & {
    /** Stops the service and waits for its end. */
    stop(): Promise<void>
    readonly ended: Promise<void>
    /** The value of one series, as a scrape would show it. */
    metric(series: string): Promise<number>
  }

export const runService = <T extends { readonly service: Service; readonly registry: Registry }>(
  created: T,
): RunningService<T> => {
  const stopping = new AbortController()
  const ended = created.service.run(stopping.signal)
  ended.catch(() => {})
  const stop = () => {
    stopping.abort()
    return ended
  }
  return {
    ...created,
    stop,
    ended,
    metric: async (series) => metricIn((await scrape(created.registry)).text, series),
    [Symbol.asyncDispose]: async () => {
      await stop().catch(() => {})
    },
  }
}

const metricIn = (text: string, series: string): number => {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  if (line === undefined) throw new Error(`no series ${series}`)
  return Number(line.slice(series.length + 1))
}
