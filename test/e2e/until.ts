/** Waiting for a condition, with a deadline that only a broken program meets. Owns no verdict: what is waited for, the caller says. */
import { sleep } from '../../src/lib/backoff.ts'

const LOOK_EVERY_MS = 50
/** Above the lease of an identity that a killed indexer was looking up (60 s). */
const LONGEST_MS = 120_000

/** Resolves with the first value that is not null; at the deadline `why` tells what was seen last. */
export const until = async <T>(
  what: string,
  look: () => Promise<T | null> | T | null,
  options: { why?: () => unknown; everyMs?: number; longestMs?: number } = {},
): Promise<T> => {
  const deadline = Date.now() + (options.longestMs ?? LONGEST_MS)
  for (;;) {
    const seen = await look()
    if (seen !== null) return seen
    if (Date.now() > deadline) {
      const last = options.why === undefined ? '' : `: ${JSON.stringify(options.why(), null, 1)}`
      throw new Error(`waited in vain until ${what}${last}`)
    }
    await sleep(options.everyMs ?? LOOK_EVERY_MS)
  }
}
