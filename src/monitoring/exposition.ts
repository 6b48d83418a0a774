/** Reads Prometheus' text format (0.0.4) back into series. For our own tools, which ask services as Prometheus does. */

export type Series = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g
const ESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\"': '"' }

/** Every sample of a scrape, in its order; lines that are none (comments, damage) give nothing. */
export const parseExposition = (text: string): Series[] =>
  text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return []
    const [, name, labels = '', value = ''] = SAMPLE.exec(line) ?? []
    return name === undefined ? [] : [{ name, labels: labelsOf(labels), value: numberOf(value) }]
  })

const labelsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, label = '', value = '']) => [
      label,
      value.replace(/\\[\\n"]/g, (two) => ESCAPED[two] ?? two),
    ]),
  )

const numberOf = (text: string): number =>
  /^[+-]?inf$/i.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
