/**
 * Arrays of text in PostgreSQL's own binary form (array_send and textsend of its source): nothing is quoted here and
 * unquoted there. Knows a parameter's type from the text of its statement, which says `$1::text[]`; every other value is left to
 * the driver.
 */

/** OID of `text`. */
const TEXT = 25
const HEADER_BYTES = 20
const LENGTH_BYTES = 4
const NULL = -1

const PARAMETER = /\$(\d+)::text\[\]/g

const positions = new Map<string, ReadonlySet<number>>()

/** Which parameters of a statement are arrays of text, from 0. Statements are a fixed few. */
const textArraysOf = (statement: string): ReadonlySet<number> => {
  const known = positions.get(statement)
  if (known) return known
  const found = new Set([...statement.matchAll(PARAMETER)].map(([, number]) => Number(number) - 1))
  positions.set(statement, found)
  return found
}

/** The values of a statement as they are handed to the driver. */
export const bindValues = (statement: string, values: readonly unknown[]): unknown[] => {
  const arrays = textArraysOf(statement)
  return values.map((value, index) => (arrays.has(index) && areTexts(value) ? encode(value) : value))
}

type Texts = readonly (string | null)[]

const areTexts = (value: unknown): value is Texts =>
  Array.isArray(value) && value.every((element) => typeof element === 'string' || element === null)

const encode = (texts: Texts): Buffer => {
  const bytes = texts.reduce(
    (sum, text) => sum + LENGTH_BYTES + (text === null ? 0 : Buffer.byteLength(text)),
    0,
  )
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + bytes)
  const isEmpty = texts.length === 0
  // Dimensions, whether there are nulls, type; of the dimension, which an empty array lacks, length and lower bound.
  const header = [isEmpty ? 0 : 1, texts.includes(null) ? 1 : 0, TEXT, texts.length, 1]
  for (const [index, word] of header.entries()) buffer.writeInt32BE(word, index * 4)
  if (isEmpty) return buffer.subarray(0, 12)
  let at = HEADER_BYTES
  for (const text of texts) {
    const length = text === null ? NULL : buffer.write(text, at + LENGTH_BYTES)
    buffer.writeInt32BE(length, at)
    at += LENGTH_BYTES + Math.max(0, length)
  }
  return buffer
}
