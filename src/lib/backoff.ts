/** Waiting: abortable sleep, and the delays of repeated attempts. */

/** Resolves after `ms`, or at once when `signal` aborts (it never rejects: callers look at the signal). */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })

export type BackoffOptions = { readonly initialMs: number; readonly maxMs: number }

/** The nominal delay before attempt number `attempt` (1 = the first repetition): doubles up to `maxMs`. */
export const backoffMs = (attempt: number, { initialMs, maxMs }: BackoffOptions): number =>
  Math.min(maxMs, initialMs * 2 ** Math.min(attempt - 1, 30))

/** Spreads a delay over its upper half, so that a fleet that failed together does not return together. */
export const jitter = (ms: number): number => ms / 2 + (Math.random() * ms) / 2
