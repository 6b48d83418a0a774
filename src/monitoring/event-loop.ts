/**
 * The longest time in the last 15 s, a usual time between two scrapes, for which the event loop of this process did nothing new.
 * Guarantees the same answer to everybody who asks: a maximum "since the last question" would be lost on whoever asks second.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const WINDOW_SECONDS = 15

/** Seconds. Starts to watch with the first call. */
export const longestDelaySeconds = (): number => (watch ??= startWatch())()

let watch: (() => number) | undefined

const startWatch = (): (() => number) => {
  const delays = monitorEventLoopDelay()
  delays.enable()
  const latest: number[] = []
  const turn = () => {
    latest.push(delays.max)
    delays.reset()
    if (latest.length > WINDOW_SECONDS) latest.shift()
  }
  setInterval(turn, 1_000).unref()
  return () => Math.max(delays.max, ...latest) / 1e9
}
