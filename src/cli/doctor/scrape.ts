/** A scrape as the doctor reads it: what does not parse is named, shortened. Pure. */
import { readExposition, type Series } from '../../monitoring/exposition.ts'

export type Sample = Series
export type Scraped = { readonly samples: readonly Sample[]; readonly unreadable: readonly string[] }

export const parseScrape = (text: string): Scraped => {
  const { series, unreadable } = readExposition(text)
  return { samples: series, unreadable: unreadable.map((line) => line.slice(0, 80)) }
}

/** The sum over all series of a name; null when there is none. */
export const total = (samples: readonly Sample[], name: string): number | null => {
  const found = samples.filter((sample) => sample.name === name)
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0)
}
