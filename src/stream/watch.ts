/**
 * The readings of `stream_*` and `store_*` for one service. Guarantees that the store is asked at most once a second however
 * many metrics and scrapers want to know, that nothing here rejects or waits longer than a second, and that a store that is
 * away makes every figure unknown (NaN). Losses that a look finds are told once.
 */
import type { StreamFigures, StoreFigures, Watched } from './figures.ts'
import type { Log } from './log.ts'

export type StreamWatchOptions = {
  readonly log: Log
  readonly streams: readonly Watched[]
  /** Entries that were lost before the group saw them, and were noticed since the last call. */
  readonly onLost: (stream: string, entries: number) => void
}

/** A look is good for so long. */
const FRESH_MS = 1_000
/** A store that has not answered by then is away, as far as a scrape is concerned. */
const PATIENCE_MS = 1_000

/** The shapes that `stream_*` and `store_*` are declared with (monitoring): they meet where a service joins the two. */
type Look = {
  readonly streams: readonly ReturnType<typeof streamReading>[]
  readonly store: ReturnType<typeof storeReading>
}

export class StreamWatch {
  readonly #options: StreamWatchOptions
  readonly #told = new Map<string, number>()
  #look: Promise<Look> | null = null
  #takenAt = -Infinity

  constructor(options: StreamWatchOptions) {
    this.#options = options
  }

  /** For `streamMetrics`. */
  readonly streams = async (): Promise<Look['streams']> => (await this.#current()).streams
  /** For `storeMetrics`. */
  readonly store = async (): Promise<Look['store']> => (await this.#current()).store

  #current(): Promise<Look> {
    if (this.#look !== null && performance.now() - this.#takenAt < FRESH_MS) return this.#look
    this.#takenAt = performance.now()
    this.#look = this.#take()
    return this.#look
  }

  async #take(): Promise<Look> {
    const { log, streams } = this.#options
    const [store, ...figures] = await Promise.all([
      orNull(log.storeFigures()),
      ...streams.map((watched) => orNull(log.streamFigures(watched))),
    ])
    for (const [i, { stream }] of streams.entries()) this.#tellLost(stream, figures[i]?.lost)
    return {
      streams: streams.map(({ stream }, i) => streamReading(stream, figures[i] ?? null)),
      store: storeReading(store, figures),
    }
  }

  #tellLost(stream: string, lost = 0): void {
    const news = lost - (this.#told.get(stream) ?? 0)
    if (news <= 0) return
    this.#told.set(stream, lost)
    this.#options.onLost(stream, news)
  }
}

/** null when the store rejects, or does not answer in time; a late answer is dropped, what it found comes with the next. */
const orNull = async <T>(asked: Promise<T>): Promise<T | null> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), PATIENCE_MS)))
  try {
    return await Promise.race([asked, late])
  } catch {
    return null
  } finally {
    clearTimeout(timer)
    asked.catch(() => undefined)
  }
}

const seconds = (ms: number | null | undefined): number => (ms ?? NaN) / 1_000

const streamReading = (stream: string, figures: StreamFigures | null) => ({
  stream,
  entries: figures?.entries ?? NaN,
  undelivered: figures?.undelivered ?? NaN,
  pending: figures?.pending ?? NaN,
  oldestEntryAgeSeconds: seconds(figures?.oldestEntryAgeMs),
  oldestUndeliveredAgeSeconds: seconds(figures?.oldestUndeliveredAgeMs),
  oldestPendingIdleSeconds: seconds(figures?.oldestPendingIdleMs),
  pendingDeliveries: figures?.mostDeliveries ?? NaN,
  consumersActive: figures?.consumers.active ?? NaN,
  consumersAbandoned: figures?.consumers.abandoned ?? NaN,
  deadLetters: figures?.deadLetters ?? NaN,
})

const verdict = (isGood: boolean | null = null): number => (isGood === null ? NaN : Number(isGood))

const storeReading = (store: StoreFigures | null, streams: readonly (StreamFigures | null)[]) => ({
  up: store !== null,
  usedBytes: store?.usedBytes ?? NaN,
  capacityBytes: store?.capacityBytes ?? NaN,
  pingSeconds: seconds(store?.pingMs),
  safe: {
    eviction: verdict(store?.safety.eviction),
    persistence: verdict(store?.safety.persistence),
    memory_limit: verdict(store?.safety.memoryLimit),
    group_ahead: verdict(groupsInPlace(streams)),
  },
})

const groupsInPlace = (streams: readonly (StreamFigures | null)[]): boolean | null => {
  if (streams.some((figures) => figures?.isGroupAhead)) return false
  return streams.includes(null) ? null : true
}
