/**
 * How the fields of an entry lie in its row. Nearly every entry has one field with a large payload, so that one is stored as
 * it is, name and value side by side; only other shapes pay for a JSON wrapping (`name` null).
 */
import type { Fields } from '../log.ts'

export type FieldColumns = { readonly name: string | null; readonly value: string }

export const toColumns = (fields: Fields): FieldColumns => {
  const names = Object.keys(fields)
  const only = names[0]
  if (names.length === 1 && only !== undefined) return { name: only, value: fields[only] ?? '' }
  return { name: null, value: JSON.stringify(fields) }
}

export const fromColumns = ({ name, value }: FieldColumns): Fields =>
  name === null ? (JSON.parse(value) as Fields) : { [name]: value }
