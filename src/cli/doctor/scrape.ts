/** The Prometheus text format, read leniently: what does not parse is named, what does is kept. Pure. */

export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export type Scraped = { readonly samples: readonly Sample[]; readonly unreadable: readonly string[] }

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g
/** As Prometheus reads them: in any case. */
const SPECIAL: Readonly<Record<string, number>> = {
  '+inf': Infinity,
  inf: Infinity,
  '-inf': -Infinity,
  nan: Number.NaN,
}

const sampleOf = (line: string): Sample | null => {
  const [, name, labels = '', text = ''] = LINE.exec(line) ?? []
  const value = SPECIAL[text.toLowerCase()] ?? Number(text)
  if (name === undefined || (Number.isNaN(value) && text.toLowerCase() !== 'nan')) return null
  const pairs = [...labels.matchAll(LABEL)].map(([, label = '', word = '']) => [label, word] as const)
  return { name, labels: Object.fromEntries(pairs), value }
}

export const parseScrape = (text: string): Scraped => {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const read = lines.map((line) => ({ line, sample: sampleOf(line.trim()) }))
  return {
    samples: read.flatMap(({ sample }) => sample ?? []),
    unreadable: read.filter(({ sample }) => sample === null).map(({ line }) => line.slice(0, 80)),
  }
}

/** The sum over all series of a name; null when there is none. */
export const total = (samples: readonly Sample[], name: string): number | null => {
  const found = samples.filter((sample) => sample.name === name)
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0)
}
