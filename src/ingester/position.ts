/**
 * Where we are in one upstream's sequence. Owns which cursor a connect asks for and what a sequence number says (gap,
 * regression, lost range). Guarantees that a cursor that cannot be read is an error, never "no cursor".
 */
import { cursorKey } from '../event/streams.ts'
import { EXIT, SetupError } from '../lib/errors.ts'
import type { Log } from '../stream/log.ts'

/** `live`: from now on, without what the upstream still holds. A number: behind that position; 0 replays all it has. */
export type InitialCursor = 'live' | number

/**
 * The cursor of a first connect. A stored 0 and a configured 0 both ask for `cursor=0`; only `live` asks for none
 * (spec: 107d69d6; conflating the two replayed whole windows or skipped them).
 */
export const startCursor = (stored: number | null, initial: InitialCursor): number | null =>
  stored ?? (initial === 'live' ? null : initial)

/** Rejects with SetupError when what is stored is not a position. */
export const parseCursor = (name: string, text: string): number => {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new SetupError(`the saved cursor ${name} is "${text.slice(0, 60)}", which is no sequence number`, {
    remedy: 'Set it to the number to resume behind, or delete it to begin at the configured initial cursor.',
    exitCode: EXIT.badData,
  })
}

/** The saved checkpoint of `host`; where there is none, the form without scheme that the TypeScript ancestor wrote. */
export const readCheckpoint = async (
  log: Pick<Log, 'checkpoint'>,
  stream: string,
  host: string,
): Promise<{ name: string; value: string } | null> => {
  const bare = host.replace(/^[a-z]+:\/\//i, '').replace(/\/+$/, '')
  for (const name of new Set([cursorKey(stream, host), cursorKey(stream, bare)])) {
    const value = await log.checkpoint(name)
    if (value !== null) return { name, value }
  }
  return null
}

export type SeqRange = { readonly from: number; readonly to: number }

export type Step = {
  /** Compared to the last position on the same connection. */
  readonly order: 'next' | 'gap' | 'regression'
  /** Numbers that were left out before this one, on this connection or because our cursor was outdated. */
  readonly missed: number
  /** What the upstream said it no longer has, now that we see where it resumed. */
  readonly lost: SeqRange | null
}

export class Position {
  readonly #readStored: () => Promise<number | null>
  readonly #initial: InitialCursor
  #accepted: number | null = null
  #asked: number | null = null
  #connection = 0
  #outdated = false

  constructor(readStored: () => Promise<number | null>, initial: InitialCursor) {
    this.#readStored = readStored
    this.#initial = initial
  }

  /** What the last connect asked for. */
  get asked(): number | null {
    return this.#asked
  }

  /** For a connect: behind what this process has taken in, else behind what is saved, else where the setting says. */
  async next(): Promise<number | null> {
    this.#asked = this.#accepted ?? startCursor(await this.#readStored(), this.#initial)
    this.#outdated = false
    return this.#asked
  }

  accept(seq: number, connection: number): Step {
    const last = connection === this.#connection ? this.#accepted : null
    const lost = this.#outdated && this.#asked !== null ? lostRange(this.#asked, seq) : null
    this.#outdated = false
    this.#connection = connection
    this.#accepted = seq
    const missed = lost === null ? 0 : lost.to - lost.from + 1
    if (last === null || seq === last + 1) return { order: 'next', missed, lost }
    if (seq <= last) return { order: 'regression', missed, lost }
    return { order: 'gap', missed: missed + seq - last - 1, lost }
  }

  /** The upstream no longer has what follows our cursor. Asking for everything it has (0) is no loss. */
  outdated(): void {
    this.#outdated = this.#asked !== null && this.#asked > 0
  }

  /** The upstream says that our cursor lies in its future (its numbering began again): read all it has. */
  restart(): void {
    this.#accepted = 0
  }
}

const lostRange = (asked: number, resumedAt: number): SeqRange | null =>
  resumedAt > asked + 1 ? { from: asked + 1, to: resumedAt - 1 } : null
