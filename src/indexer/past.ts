/**
 * What records said before: versions of gates, links (follows, list items) that are no more, the places of deleted posts in
 * their threads, versions of verifications. Pure: from the changes of a batch to lines of the tables that keep it
 * (`millrace.gate_version`, `past_link`, `deleted_post`, `verification_version`). Law: what is kept is a function of the set of changes that came, not of their order; so a record that
 * arrives after what it depends on has gone is judged as it would have been at its time.
 */
import { hash } from 'node:crypto'
import type { JsonObject } from '../event/event.ts'
import type { Link } from './collection.ts'
import type { PostRecord } from './collections/post.ts'
import type { Change } from './plan.ts'
import { mentionedDids } from './thread.ts'
import { datetimeOrEpoch, earlier } from './time.ts'

/** Versions that changes of a batch replaced or removed, by uri. */
export type Former = ReadonlyMap<
  string,
  { readonly cid: string; readonly indexedAt: string; readonly record: JsonObject }
>

/** A change of an account that was deleted since: nothing of it stands, but at its time it did. */
export type Voided = { readonly change: Change; readonly deletedAt: string }

export type Happened = {
  /** What was applied. */
  readonly applied: readonly Change[]
  /** What was overtaken before it could be applied: by what is stored, or within its batch. */
  readonly overtaken: readonly Change[]
  readonly voided: readonly Voided[]
  readonly former: Former
}

/** The id of what a post's standing may depend on, in `millrace.gate_question`; that of a link is its id in `past_link`, too. */
export const subjectId = (kind: 'link' | 'root' | 'quoted', ...parts: readonly string[]): string => {
  const hex = hash('sha256', [kind, ...parts].join('\n')).slice(0, 32)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export const linkId = ([from, to]: Link): string => subjectId('link', from, to)

const linkOf = ({ collection, did }: Change, record: JsonObject): string | null =>
  collection.link ? linkId(collection.link(did, record)) : null

/** The ids of the links that changes make, or made. */
export const linkIds = (changes: readonly Change[], former: Former): readonly string[] =>
  changes.flatMap((change) => {
    const was = former.get(change.uri)
    const records = [...(change.put ? [change.put.record] : []), ...(was ? [was.record] : [])]
    return records.flatMap((record) => linkOf(change, record) ?? [])
  })

const dateOf = ({ createdAt }: JsonObject): string =>
  datetimeOrEpoch(typeof createdAt === 'string' ? createdAt : '')

export type LinkLine = {
  readonly key: string
  readonly at: string
  readonly createdAt: string | null
  readonly link: string | null
}

export const linkLines = ({ applied, overtaken, voided, former }: Happened): readonly LinkLine[] => {
  const end = (change: Change, at: string): LinkLine => ({ key: change.key, at, createdAt: null, link: null })
  const version = (change: Change, at: string, record: JsonObject): LinkLine => ({
    key: change.key,
    at,
    createdAt: dateOf(record),
    link: linkOf(change, record),
  })
  const ofPut = (change: Change): LinkLine =>
    change.put ? version(change, change.at, change.put.record) : end(change, change.at)
  const lines = [
    ...applied.flatMap((change) => {
      const was = former.get(change.uri)
      const ended = was || change.put === null ? [end(change, change.at)] : []
      return was ? [...ended, version(change, was.indexedAt, was.record)] : ended
    }),
    ...overtaken.map(ofPut),
    ...voided.flatMap(({ change, deletedAt }) => [
      ofPut(change),
      ...(change.put ? [end(change, deletedAt)] : []),
    ]),
  ]
  // Of two lines of one moment the one that says something is kept.
  const sorted = lines.toSorted((a, b) => Number(a.link !== null) - Number(b.link !== null))
  return [...new Map(sorted.map((line) => [`${line.key} ${line.at}`, line])).values()]
}

export type GateLine = {
  readonly key: string
  readonly at: string
  readonly rev: bigint
  readonly fetched: boolean
  readonly cid: string | null
  readonly json: string | null
}

/** Of a gate every version is kept. One that was stored before versions were is taken over when it goes. */
export const gateLines = ({ applied, overtaken, voided, former }: Happened): readonly GateLine[] => {
  const changes = [...applied, ...overtaken, ...voided.map(({ change }) => change)]
  const lines = [
    ...changes.map(({ key, rev, at, live, put }): GateLine => {
      const since = live || !put ? at : earlier(at, dateOf(put.record))
      return { key, at: since, rev, fetched: !live, cid: put?.cid ?? null, json: put?.json ?? null }
    }),
    ...voided.map(({ change: { key }, deletedAt: at }) => ({
      key,
      at,
      rev: 0n,
      fetched: false,
      cid: null,
      json: null,
    })),
    ...applied.flatMap(({ uri, key }): GateLine[] => {
      const was = former.get(uri)
      if (!was) return []
      const at = earlier(was.indexedAt, dateOf(was.record))
      return [{ key, at, rev: 0n, fetched: true, cid: was.cid, json: JSON.stringify(was.record) }]
    }),
  ]
  return [...new Map(lines.map((line) => [`${line.key} ${line.at} ${line.rev}`, line])).values()]
}

export type VerificationLine = {
  readonly uri: string
  readonly at: string
  readonly rev: bigint
  readonly fetched: boolean
  readonly cid: string | null
  readonly subject: string | null
  readonly createdAt: string | null
}

/** Of a verification every version is kept; one that was stored before versions were is taken over when it goes. */
export const verificationLines = ({
  applied,
  overtaken,
  voided,
  former,
}: Happened): readonly VerificationLine[] => {
  const changes = [...applied, ...overtaken, ...voided.map(({ change }) => change)]
  const said = (record: JsonObject) => ({
    subject: record['subject'] as string,
    createdAt: dateOf(record),
  })
  const lines = [
    ...changes.map(({ uri, at, rev, live, put }): VerificationLine => {
      const words = put
        ? { cid: put.cid, ...said(put.record) }
        : { cid: null, subject: null, createdAt: null }
      return { uri, at, rev, fetched: !live, ...words }
    }),
    ...applied.flatMap(({ uri }): VerificationLine[] => {
      const was = former.get(uri)
      return was
        ? [{ uri, at: was.indexedAt, rev: 0n, fetched: true, cid: was.cid, ...said(was.record) }]
        : []
    }),
  ]
  return [...new Map(lines.map((line) => [`${line.uri} ${line.at} ${line.rev}`, line])).values()]
}

export type PostLine = {
  readonly uri: string
  readonly deletedAt: string | null
  readonly seen: string | null
  readonly replyRoot: string | null
  readonly replyParent: string | null
  readonly mentions: readonly string[]
}

/** Of a post that was deleted: when, and where it hung. Never what it said. */
export const postLines = ({ applied, overtaken, voided, former }: Happened): readonly PostLine[] => {
  const deletion = (uri: string, deletedAt: string): PostLine => ({ ...NOWHERE, uri, deletedAt })
  const lines = [
    ...applied.flatMap(({ uri, at, put }) => {
      const was = former.get(uri)
      if (put) return []
      return [deletion(uri, at), ...(was ? [placeOf(uri, was.indexedAt, was.record)] : [])]
    }),
    ...overtaken.map(({ uri, at, put }) => (put ? placeOf(uri, at, put.record) : deletion(uri, at))),
    ...voided.flatMap(({ change: { uri, at, put }, deletedAt }) => [
      deletion(uri, deletedAt),
      ...(put ? [placeOf(uri, at, put.record)] : []),
    ]),
  ]
  return [...Map.groupBy(lines, ({ uri }) => uri).values()].map((same) => same.reduce(merge))
}

const NOWHERE = { deletedAt: null, seen: null, replyRoot: null, replyParent: null, mentions: [] }

const placeOf = (uri: string, seen: string, record: JsonObject): PostLine => {
  const { reply, facets } = record as unknown as PostRecord
  const place = { replyRoot: reply?.root.uri ?? null, replyParent: reply?.parent.uri ?? null }
  return { uri, deletedAt: null, seen, ...place, mentions: mentionedDids(facets) }
}

/** The newest version that was seen, the latest deletion. */
const merge = (a: PostLine, b: PostLine): PostLine => {
  const place = (b.seen ?? '') > (a.seen ?? '') ? b : a
  const deletedAt = (b.deletedAt ?? '') > (a.deletedAt ?? '') ? b.deletedAt : a.deletedAt
  return { ...place, deletedAt }
}
