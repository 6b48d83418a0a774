/**
 * Answers follow rows: where two answers differ because rows do, and the rows for a reason of docs/conformance.md, the answers
 * must be equal without just those items and figures.
 */
import type { Difference } from '../test/conformance/tables.ts'
import { isDeepStrictEqual } from 'node:util'
import { ROW } from '../test/conformance/tables.ts'

type Fields = Readonly<Record<string, unknown>>

/** What of a view is read from which column. */
const VIEW_FIELDS: Readonly<Record<string, readonly string[]>> = {
  likeCount: ['likeCount'],
  repostCount: ['repostCount'],
  replyCount: ['replyCount'],
  quoteCount: ['quoteCount'],
  followersCount: ['followersCount'],
  followsCount: ['followsCount'],
  postsCount: ['postsCount'],
  hasThreadGate: ['threadgate'],
  indexedAt: ['indexedAt'],
  createdAt: ['createdAt'],
}

export type Reasons = {
  /** Records of which a row is there on one side only. */
  readonly oneSided: ReadonlySet<string>
  /** By uri or DID: fields of its views that may differ. */
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>
}

/** Tables that make a record an item of a list; where only these differ, an item comes or goes. */
const keysOf = ({ ours, theirs }: Difference): string[] =>
  ['uri', 'recordUri', 'did', 'creator'].flatMap((column) => {
    const value = (ours ?? theirs)?.[column]
    return typeof value === 'string' ? [value] : []
  })

export const reasonsOf = (explained: readonly Difference[]): Reasons => {
  const oneSided = new Set<string>()
  const fields = new Map<string, Set<string>>()
  for (const difference of explained) {
    const { table, ours, theirs, columns } = difference
    const row = ours ?? theirs
    const isAggregate = table.endsWith('_agg')
    if (columns.includes(ROW) && !isAggregate) {
      const uri = row?.[table === 'notification' ? 'recordUri' : 'uri']
      if (typeof uri === 'string') oneSided.add(uri)
      continue
    }
    for (const key of keysOf(difference)) {
      const known = fields.get(key) ?? new Set()
      for (const column of columns) for (const field of VIEW_FIELDS[column] ?? []) known.add(field)
      fields.set(key, known)
    }
  }
  return { oneSided, fields }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Where the uri of a list's item is: its own, its post's, or that of the repost that brought it. */
const urisOf = (item: Fields): unknown[] =>
  [item, item['post'], item['reason'], item['list'], item['subject']].flatMap((part) =>
    isObject(part) ? [part['uri']] : [],
  )

const without = (value: unknown, reasons: Reasons): unknown => {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isObject(item) && urisOf(item).some((uri) => reasons.oneSided.has(String(uri)))))
      .map((item) => without(item, reasons))
  }
  if (!isObject(value)) return value
  const left = new Set(['uri', 'did'].flatMap((key) => [...(reasons.fields.get(String(value[key])) ?? [])]))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !left.has(name))
      .map(([name, inner]) => [name, without(inner, reasons)]),
  )
}

export type Judgement = 'equal' | 'explained' | 'different'

export const judgeAnswer = (ours: unknown, theirs: unknown, reasons: Reasons): Judgement => {
  if (isDeepStrictEqual(ours, theirs)) return 'equal'
  return isDeepStrictEqual(without(ours, reasons), without(theirs, reasons)) ? 'explained' : 'different'
}

/** The first place where two answers differ, as a path with both values. */
export const firstDifference = (ours: unknown, theirs: unknown, path = ''): string | null => {
  if (isDeepStrictEqual(ours, theirs)) return null
  const bothObjects = isObject(ours) && isObject(theirs)
  const bothLists = Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length
  if (bothObjects || bothLists) {
    const [mine, other] = [ours as Fields, theirs as Fields]
    for (const key of new Set([...Object.keys(mine), ...Object.keys(other)])) {
      const found = firstDifference(mine[key], other[key], `${path}.${key}`)
      if (found !== null) return found
    }
  }
  const shown = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 200)
  const lengths =
    Array.isArray(ours) && Array.isArray(theirs) ? ` (${ours.length} and ${theirs.length} items)` : ''
  return `${path}${lengths}: ours ${shown(ours)}, theirs ${shown(theirs)}`
}
