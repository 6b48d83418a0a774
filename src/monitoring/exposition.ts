/** Reads Prometheus' text format (0.0.4) back into series. For our own tools, which ask services as Prometheus does. */

export type Series = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g
/** As Prometheus reads them: in any case. */
const SPECIAL: Readonly<Record<string, number>> = {
  '+inf': Infinity,
  inf: Infinity,
  '-inf': -Infinity,
  nan: NaN,
}
const ESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\"': '"' }

export type Exposition = {
  /** Every sample, in its order. */
  readonly series: readonly Series[]
  /** Lines that are neither sample nor comment. */
  readonly unreadable: readonly string[]
}

/** Reads leniently: what does not parse is named, what does is kept. */
export const readExposition = (text: string): Exposition => {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const read = lines.map((line) => ({ line, one: seriesOf(line.trim()) }))
  return {
    series: read.flatMap(({ one }) => one ?? []),
    unreadable: read.flatMap(({ line, one }) => (one === null ? [line] : [])),
  }
}

/** What parses of a scrape. */
export const parseExposition = (text: string): readonly Series[] => readExposition(text).series

/** A sample's value, in this format and in the answers of Prometheus; NaN also for what is no number. */
export const sampleValue = (text: string): number => SPECIAL[text.toLowerCase()] ?? Number(text)

const seriesOf = (line: string): Series | null => {
  const [, name, labels = '', text = ''] = SAMPLE.exec(line) ?? []
  const value = sampleValue(text)
  if (name === undefined || (Number.isNaN(value) && text.toLowerCase() !== 'nan')) return null
  return { name, labels: labelsOf(labels), value }
}

const labelsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, label = '', value = '']) => [
      label,
      value.replace(/\\[\\n"]/g, (two) => ESCAPED[two] ?? two),
    ]),
  )
