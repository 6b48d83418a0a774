/** Which version of a gate counted at which time. Owns the question to `millrace.gate_version`; the choice is pure. */
import type { JsonObject } from '../event/event.ts'
import { siblingUri } from './collection.ts'
import { recordKeyOfUri } from './plan.ts'
import { run, type Tx } from './sql.ts'
import { moment } from './time.ts'

export type GateVersion = {
  readonly at: string
  readonly rev: bigint
  /** Read from a repository: when it began to count is only what it says of itself. */
  readonly fetched: boolean
  readonly cid: string | null
  /** null: deleted. */
  readonly record: JsonObject | null
}

/** The version that counted at `time`. One that was fetched says nothing new where the same was told live. */
export const gateAt = (versions: readonly GateVersion[], time: string): JsonObject | null => {
  const live = new Set(versions.flatMap(({ fetched, cid }) => (fetched ? [] : [cid])))
  const counting = versions.filter(({ at, fetched, cid }) => at <= time && !(fetched && live.has(cid)))
  const [newest] = counting.toSorted((a, b) => (isBefore(a, b) ? 1 : -1))
  return newest?.record ?? null
}

const isBefore = (a: GateVersion, b: GateVersion): boolean => (a.at === b.at ? a.rev < b.rev : a.at < b.at)

type Line = {
  readonly post: string
  readonly at: string | null
  readonly rev: string
  readonly fetched: boolean
  readonly cid: string | null
  readonly json: string | null
  readonly createdAt: string | null
  readonly indexedAt: string | null
}

export type GateKind = 'threadgate' | 'postgate'
const TABLES = { threadgate: 'thread_gate', postgate: 'post_gate' } as const

export const gateUriOf = (post: string, kind: GateKind): string => siblingUri(post, `app.bsky.feed.${kind}`)

/**
 * SQL: every version of the gates of `i(post, uri, key)`. A gate that was stored before versions were kept, and has not changed
 * since, is its only version.
 */
export const gateVersionsSql = (schema: string, kind: GateKind): string => `
  select i.post, v.at, v.rev::text, v.fetched, v.cid, v.json, null as "createdAt", null as "indexedAt"
    from i join millrace.gate_version v on v.key = i.key
  union all select i.post, null, '0', true, r.cid, r.json, g."createdAt", g."indexedAt"
    from i join ${schema}.${TABLES[kind]} g on g.uri = i.uri join ${schema}.record r on r.uri = g.uri
    where not exists (select 1 from millrace.gate_version v where v.key = i.key and v.json is not null)`

/** The versions of the gates of the given posts, by post. */
export const loadGates = async (
  tx: Tx,
  schema: string,
  kind: GateKind,
  posts: readonly string[],
): Promise<ReadonlyMap<string, readonly GateVersion[]>> => {
  if (posts.length === 0) return new Map()
  const all = [...new Set(posts)]
  const uris = all.map((post) => gateUriOf(post, kind))
  const lines = await run<Line>(tx, {
    name: `load_${kind}s_${schema}`,
    text: `with i as (select * from unnest($1::text[], $2::text[], $3::uuid[]) as i(post, uri, key)) ${gateVersionsSql(schema, kind)}`,
    values: [all, uris, uris.map(recordKeyOfUri)],
  })
  return Map.groupBy(lines.map(versionOf), ({ post }) => post)
}

const versionOf = ({ post, at, rev, fetched, cid, json, createdAt, indexedAt }: Line) => ({
  post,
  at: at ?? moment({ createdAt: createdAt ?? '', indexedAt: indexedAt ?? '' }),
  rev: BigInt(rev),
  fetched,
  cid,
  record: json === null ? null : (JSON.parse(json) as JsonObject),
})
