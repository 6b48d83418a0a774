/** One answer of `com.atproto.sync.listRepos`, read leniently: a bad item costs itself. Pure. */
import type { XrpcOutput } from '../atproto/xrpc.ts'
import { isDid } from '../atproto/syntax.ts'
import type { BackfillEvent } from '../event/event.ts'

export type Page = {
  /** Items of the page. */
  readonly listed: number
  readonly repos: readonly BackfillEvent[]
  /** Items that name no repo. */
  readonly dropped: number
  /** Where the next page begins; null at the end of the list. */
  readonly cursor: string | null
}

/** Null when the answer is no page at all. `host` goes into the events for information. */
export const readPage = (output: XrpcOutput, host: string): Page | null => {
  const { repos: items, cursor } = output
  if (!Array.isArray(items)) return null
  const read = (items as readonly unknown[]).map((item) => readRepo(item, host))
  const next = typeof cursor === 'number' ? String(cursor) : cursor
  return {
    listed: items.length,
    repos: read.filter((repo) => repo !== null),
    dropped: read.filter((repo) => repo === null).length,
    cursor: typeof next === 'string' && next !== '' ? next : null,
  }
}

/** Inactive repos are passed on with their status: what to do with them is the backfiller's decision. */
const readRepo = (item: unknown, host: string): BackfillEvent | null => {
  if (typeof item !== 'object' || item === null) return null
  const { did, rev, status, active } = item as Readonly<Record<string, unknown>>
  if (typeof did !== 'string' || !isDid(did)) return null
  return {
    did,
    host,
    rev: typeof rev === 'string' ? rev : '',
    status: typeof status === 'string' ? status : null,
    active: active !== false,
  }
}
