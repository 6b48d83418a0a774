/**
 * What a collection is to the indexer: one declaration, from which come the insert, the update, the delete, duplicates and
 * their promotion, aggregates, notifications and the purge of an account. Owns the vocabulary; knows no SQL.
 *
 * Law: the rows of a record are a pure function of that record. What depends on other records (thread gates, replies,
 * whether a quoted post still exists) is settled separately (settle.ts).
 */
import { safeParse, type BaseSchema, type InferOutput } from '@atcute/lexicons/validations'
import type { JsonObject } from '../event/event.ts'
import type { RowRefusal } from './drop-reasons.ts'

/** Values of one table line by column name; JSON columns as JSON text. Generated columns (sortAt) are never among them. */
export type Row = Readonly<Record<string, string | boolean | null>>

export type Notification = {
  /** Who is notified. */
  readonly did: string
  readonly author: string
  readonly recordUri: string
  readonly recordCid: string
  readonly reason: string
  readonly reasonSubject: string | null
  readonly sortAt: string
}

/** One live version of a record, ready to be turned into rows. */
export type Put<R = JsonObject> = {
  readonly uri: string
  readonly did: string
  readonly rkey: string
  readonly cid: string
  readonly record: R
  /** Time of the event, `YYYY-MM-DDTHH:MM:SS.mmmZ`. */
  readonly indexedAt: string
}

/** Adds one to `column` of the aggregate line whose key is the row's `by` column, as long as the row exists. */
export type CountRule = {
  readonly table: 'post_agg' | 'profile_agg'
  readonly column: string
  readonly by: string
  /** Rows in which this column is true do not count. */
  readonly unless?: string
}

/** Rows in further tables that live and die with the record. `owner` is the column that holds the record's uri. */
export type Satellite<R = JsonObject> = {
  readonly table: string
  readonly owner: string
  readonly rows: (put: Put<R>) => readonly Row[]
  readonly counts?: readonly CountRule[]
}

/** Who follows whom, or which list holds whom. */
export type Link = readonly [from: string, to: string]

type Declaration<R> = {
  readonly nsid: string
  /** The typed table; absent when the record itself is all there is to store. */
  readonly table?: string
  /** null: no typed row for this record (but its `record` line is kept). */
  readonly row?: (put: Put<R>) => Row | RowRefusal | null
  /** At most one row of the table per value of these columns; later records of the same value are duplicates. */
  readonly duplicateKey?: readonly string[]
  readonly counts?: readonly CountRule[]
  readonly satellites?: readonly Satellite<R>[]
  /** Whom a new row notifies. */
  readonly notifies?: (row: Row, put: Put<R>) => readonly Notification[]
  /** The notifications of a record outlive it (a starter pack was joined, a verification was given). */
  readonly keepsNotifications?: boolean
  /**
   * Something depends on what this record said at its time, so what it said is kept (past.ts): as a gate, as a post in its
   * thread, as a link between an account or list and an account, as a verification.
   */
  readonly past?: 'gate' | 'post' | 'link' | 'verification'
  /** The two ends of a link. */
  readonly link?: (did: string, record: R) => Link
}

export type Collection = Declaration<JsonObject> & {
  /** Checks the record against its lexicon. */
  readonly isValid: (record: JsonObject) => boolean
  /** What its lexicon minds in an invalid record, in words. */
  readonly objection: (record: JsonObject) => string
}

/** Declares a collection whose records follow `schema`; `row` and the rest then see the typed record. */
export const defineCollection = <S extends BaseSchema>(
  schema: S | null,
  declaration: Declaration<InferOutput<S>>,
): Collection => ({
  ...(declaration as unknown as Declaration<JsonObject>),
  isValid: (record) => schema === null || safeParse(schema, record).ok,
  objection: (record) => {
    const result = schema === null ? null : safeParse(schema, record)
    return result === null || result.ok ? '' : result.message
  },
})

/** The repo a record uri belongs to. */
export const uriDid = (uri: string): string => uri.split('/', 3)[2] ?? ''

/** The collection of a record uri. */
export const uriCollection = (uri: string): string => uri.split('/', 4)[3] ?? ''

/** The key of a record uri. */
export const uriRkey = (uri: string): string => uri.split('/', 5)[4] ?? ''

/** The record of another collection under the same key: the protocol puts together what belongs together (a gate, its post). */
export const siblingUri = (uri: string, collection: string): string =>
  recordUri(uriDid(uri), collection, uriRkey(uri))

export const recordUri = (did: string, collection: string, rkey: string): string =>
  `at://${did}/${collection}/${rkey}`

/** The columns that deltas and duplicate keys are computed from. */
export const bookkeepingColumns = (collection: Collection): readonly string[] => {
  const counted = (collection.counts ?? []).flatMap((rule: CountRule) => [
    rule.by,
    ...(rule.unless ? [rule.unless] : []),
  ])
  return [...new Set(['uri', 'indexedAt', ...(collection.duplicateKey ?? []), ...counted])]
}

/** A record's own put together with the row it became. */
export type WonRow = { readonly row: Row; readonly put: Put }
