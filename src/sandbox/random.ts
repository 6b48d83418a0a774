/**
 * Seeded randomness: the same seed draws the same network. Owns the generator and its distributions; not for secrets.
 */
import { hash } from 'node:crypto'

export type Random = {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, below). */
  int(below: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** Integer in [0, below), low numbers far more often: how popularity is spread in a social network. */
  skewed(below: number): number
  bytes(length: number): Uint8Array
}

/** sfc32 over 128 bits of the seed's hash. */
export const createRandom = (seed: string): Random => {
  const state = Buffer.from(hash('sha256', seed, 'hex'), 'hex')
  let a = state.readUInt32LE(0)
  let b = state.readUInt32LE(4)
  let c = state.readUInt32LE(8)
  let counter = state.readUInt32LE(12)
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 4294967296
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: <T>(items: readonly T[]): T => {
      const item = items[int(items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
    skewed: (below) => Math.floor(next() ** 3 * below),
    bytes: (length) => Uint8Array.from({ length }, () => int(256)),
  }
}
