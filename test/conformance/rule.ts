/** What a rule about differences is, and what it may look at. */
import type { JsonObject } from '../../src/event/event.ts'
import type { History } from './history.ts'
import type { Difference, Tables } from './tables.ts'

export type Facts = {
  readonly history: History
  readonly ours: Tables
  readonly theirs: Tables
}

/** A kind of difference that is right, with its reason. It must be narrow: it names what it explains, column by column. */
export type Rule = {
  readonly name: string
  /** A sentence or two for docs/conformance.md. */
  readonly reason: string
  /** The columns of the difference that it explains; `ROW` for a row that is there on one side only. */
  readonly explains: (difference: Difference, facts: Facts) => readonly string[]
}

export const text = (row: JsonObject | Readonly<Record<string, unknown>> | null, column: string): string => {
  const value = row?.[column]
  return typeof value === 'string' ? value : ''
}

/** Those of the difference's columns that are among the given ones. */
export const among = ({ columns }: Difference, names: readonly string[]): readonly string[] =>
  columns.filter((column) => names.includes(column))

type Ref = { readonly uri: string; readonly cid: string }
type PostRecord = {
  readonly reply?: { readonly root: Ref; readonly parent: Ref }
  readonly embed?: { readonly record?: Ref & { readonly record?: Ref } }
}

export const replyOf = (record: JsonObject): { root: string; parent: string } | null => {
  const { reply } = record as unknown as PostRecord
  return reply ? { root: reply.root.uri, parent: reply.parent.uri } : null
}

/** The record a post embeds, alone or with media. */
export const quotedBy = (record: JsonObject): Ref | null => {
  const { embed } = record as unknown as PostRecord
  const found = embed?.record?.record ?? embed?.record
  return found && typeof found.uri === 'string' ? found : null
}

export const subjectOf = (record: JsonObject): string => {
  const subject = record['subject'] as string | { readonly uri: string } | undefined
  return typeof subject === 'object' ? subject.uri : (subject ?? '')
}

/** The gate that would stand beside a post. */
export const gateOf = (post: string, kind: 'threadgate' | 'postgate'): string =>
  post.replace('/app.bsky.feed.post/', `/app.bsky.feed.${kind}/`)

/** The posts above a reply, nearest first, as its last version and theirs name them. */
export const ancestorsOf = (history: History, uri: string): string[] => {
  const found: string[] = []
  for (let at = replyOf(history.record(uri))?.parent; at && !found.includes(at);) {
    found.push(at)
    at = replyOf(history.record(at))?.parent
  }
  return found
}
