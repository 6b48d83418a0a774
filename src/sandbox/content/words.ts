/** Text of the network: enough variety to exercise every width of UTF-8, little enough to stay readable. */
import type { Random } from '../random.ts'

const WORDS = (
  'river mill stone water wheel morning bread letter garden signal window harbour copper violin winter orchard paper ' +
  'engine lantern meadow thunder kettle pocket ladder island market bridge feather compass candle'
).split(' ')
const SPICE = [
  'café',
  'naïve',
  '水車',
  'мельница',
  '🌊',
  '👩‍👩‍👧',
  'ـنهر',
  '\u{1F3F3}️‍🌈',
  '"quoted"',
  'back\\slash',
  'tab\there',
]
export const TAGS = ['millrace', 'atproto', 'water', 'bread', '製粉', 'slow']
export const LANGS = ['en', 'de', 'pt-BR', 'ja', 'ar', 'uk']

export const sentence = (random: Random, words: number): string => {
  const drawn = Array.from({ length: words }, () => random.pick(WORDS))
  if (random.chance(0.2)) drawn.push(random.pick(SPICE))
  return drawn.join(' ')
}

export const title = (random: Random): string => {
  const text = `${random.pick(WORDS)} ${random.pick(WORDS)}`
  return text.charAt(0).toUpperCase() + text.slice(1)
}
