/** The random moments of a test run: seeded, told, and the same again with TEST_SEED. */
import { createRandom, type Random } from '../../src/sandbox/random.ts'

export type Chances = Random & {
  readonly seed: string
  /** `count` moments of a course from 0 to 1, in order, none at its very start or end. */
  moments(count: number): readonly number[]
}

export const chances = (say: (text: string) => void): Chances => {
  const seed = process.env['TEST_SEED'] ?? String(Date.now() % 1_000_000)
  say(`TEST_SEED=${seed}`)
  const random = createRandom(seed)
  const moments = (count: number): readonly number[] =>
    Array.from({ length: count }, () => 0.1 + 0.75 * random.next()).sort((a, b) => a - b)
  return { ...random, seed, moments }
}
