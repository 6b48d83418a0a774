/**
 * The contract between the services: what one stream entry says. Owns the shapes and their words; knows no stream, no
 * database. Field names and order are those of the rsky services (spec: contract 1.1), so either side of a mixed fleet can
 * read the other's entries.
 */

/** `seq` of an event that came from a backfill, as rsky writes it. The TypeScript ancestor writes -2; both are read. */
export const SEQ_BACKFILL = -1

type Origin = {
  /** Position in the upstream, or a negative number for a backfill. */
  readonly seq: number
  /** The event's own time as the upstream stated it, `YYYY-MM-DDTHH:MM:SS.mmmZ`; for a backfill, the time of the fetch. */
  readonly time: string
  readonly did: string
}

type Commit = {
  /** CID of the commit, text form. */
  readonly commit: string
  /** Per-repo clock, a TID. */
  readonly rev: string
}

/** A JSON value in atproto form: links are `{"$link": cid}`, byte strings `{"$bytes": base64}`. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

export type PutEvent = Origin &
  Commit & {
    readonly type: 'create' | 'update'
    readonly collection: string
    readonly rkey: string
    readonly cid: string
    /** The record in atproto JSON form. Encoders may hand any value whose `toJSON` yields it. */
    readonly record: JsonObject
  }

export type DeleteEvent = Origin &
  Commit & { readonly type: 'delete'; readonly collection: string; readonly rkey: string }

/** The repo is now known up to `rev`. Backfill emits it once, after the last record. */
export type RepoEvent = Origin & Commit & { readonly type: 'repo' }

/** Account status. `status` is null or absent when active; unknown strings pass through. */
export type AccountEvent = Origin & {
  readonly type: 'account'
  readonly active: boolean
  readonly status: string | null
}

/** The identity (handle, keys, PDS) may have changed. `handle` is a claim, not verified. */
export type IdentityEvent = Origin & { readonly type: 'identity'; readonly handle?: string }

export type RecordEvent = PutEvent | DeleteEvent
export type StreamEvent = RecordEvent | RepoEvent | AccountEvent | IdentityEvent

/** One repo to fetch: an entry of `repo_backfill`. `host` is where it was listed, for information only. */
export type BackfillEvent = {
  readonly did: string
  readonly host: string
  readonly rev: string
  readonly status: string | null
  readonly active: boolean
}

export type Label = {
  readonly src: string
  readonly uri: string
  readonly cid: string | null
  readonly val: string
  readonly neg: boolean
  /** Creation time as the labeler wrote it (RFC 3339). */
  readonly cts: string
  readonly exp: string | null
}

/** The labels of one `#labels` frame. */
export type LabelEvent = { readonly seq: number; readonly labels: readonly Label[] }
