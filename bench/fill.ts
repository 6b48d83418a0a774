/**
 * Fills an empty database with millions of records, inside PostgreSQL: what an indexer would have left of a network a year old. Uris,
 * keys and times have their real form and length; likes, follows, posts (two of five are replies), reposts, blocks and profiles
 * come with everything that follows from them (guards, feeds, counts, notifications, actors). Everything is a function of a
 * number, so that records refer to one another without a look. Guarantees the schema afterwards is the one before.
 */
import assert from 'node:assert/strict'
import type { Pool, Queryable } from '../src/db/pool.ts'
import { readCatalog } from '../src/db/schema/catalog.ts'

/** Everything is one transaction, of statements that take their time. */
export const FILL_TIMEOUT_MS = 3 * 3_600_000
const CHUNK = 250_000
const RECORDS_PER_ACCOUNT = 50
/** What is not a profile. */
const SHARES = { like: 0.55, follow: 0.185, post: 0.14, repost: 0.095, actor_block: 0.03 } as const
const SPAN_MICROS = 365 * 86_400 * 1e6
const FILLED = [
  ...['record', 'actor', 'actor_sync', 'profile', 'profile_agg', 'post', 'post_agg', 'feed_item'],
  ...['like', 'repost', 'follow', 'actor_block', 'notification'],
]
const TABLES = [...FILLED.map((table) => `bsky."${table}"`), 'millrace.record_rev']

type Counts = Readonly<Record<keyof typeof SHARES | 'profile', number>>

const countsOf = (records: number): Counts => {
  const profile = Math.max(100, Math.round(records / RECORDS_PER_ACCOUNT))
  const rest = records - profile
  const of = (kind: keyof typeof SHARES) => Math.round(rest * SHARES[kind])
  const [like, follow, repost, block] = [of('like'), of('follow'), of('repost'), of('actor_block')]
  return { profile, like, follow, repost, actor_block: block, post: rest - like - follow - repost - block }
}

/** `did`, `tid`, `cid` and `moment` of a number; `key` as src/indexer/plan.ts makes it. */
const FUNCTIONS = `
  create function pg_temp.did(n bigint) returns text language sql immutable as
    $$ select 'did:plc:' || translate(substr(md5('account ' || n), 1, 24), '0189', 'wxyz') $$;
  create function pg_temp.cid(name text) returns text language sql immutable as
    $$ select 'bafyrei' || translate(md5(name) || substr(md5(name || '+'), 1, 20), '0189', 'wxyz') $$;
  create function pg_temp.tid(v bigint) returns text language sql immutable as
    $$ select ${Array.from({ length: 13 }, (_, i) => `substr('234567abcdefghijklmnopqrstuvwxyz', ((v >> ${60 - 5 * i}) & 31)::int + 1, 1)`).join(' || ')} $$;
  create function pg_temp.moment(v bigint) returns text language sql immutable as
    $$ select to_char(to_timestamp((v >> 10) / 1e6) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
  create function pg_temp.key(did text, path text) returns uuid language sql immutable as
    $$ select encode(substr(sha256(did::bytea), 1, 8) || substr(sha256(path::bytea), 1, 8), 'hex')::uuid $$;
  create function pg_temp.draw(n bigint, seed bigint) returns bigint language sql immutable as
    $$ select hashint8extended(n, seed) & 9223372036854775807 $$;`

/** A step that has no divisor in common with any count it walks through: what it reaches is new each time. */
const STEP = 1_000_003

class Kinds {
  readonly counts: Counts
  readonly #beginMicros = Date.now() * 1_000 - SPAN_MICROS - 86_400e6

  constructor(counts: Counts) {
    this.counts = counts
  }

  /** The number of a TID: of which record of its kind, at even intervals. */
  #version(kind: keyof Counts, n: string): string {
    const stepMicros = Math.floor(SPAN_MICROS / this.counts[kind])
    return `((${this.#beginMicros}::bigint + (${n}) * ${stepMicros}::bigint) * 1024 + (${n}) % 1024)`
  }

  #postAuthor(n: string): string {
    return `((${n}) * 7919 % ${this.counts.profile})`
  }

  #authorOf(kind: keyof Counts): string {
    return kind === 'post' ? this.#postAuthor('n') : `(n % ${this.counts.profile})`
  }

  /** An old post per record of an author, never the same twice. */
  #subject(seed: number): string {
    const { profile, post } = this.counts
    return `((pg_temp.draw(n % ${profile}, ${seed}) % ${post} + n / ${profile} * ${STEP}) % ${post})`
  }

  /** Another account, never the same twice. */
  #other(seed: number): string {
    const { profile } = this.counts
    const others = profile - 1
    const drawn = `(pg_temp.draw(n % ${profile}, ${seed}) % ${others} + n / ${profile} * ${STEP}) % ${others}`
    return `((n % ${profile} + 1 + ${drawn}) % ${profile})`
  }

  /** Two of five posts reply to a recent one of the other three. */
  #parent(): string {
    const drawn = 'pg_temp.draw(n, 5)'
    return `case when n % 5 < 2 then 5 * greatest(0, n / 5 - 1 - ${drawn} % 200) + 2 + ${drawn} % 3 end`
  }

  #target(kind: keyof Counts): string {
    if (kind === 'like') return this.#subject(1)
    if (kind === 'repost') return this.#subject(2)
    if (kind === 'follow') return this.#other(3)
    if (kind === 'actor_block') return this.#other(4)
    return kind === 'post' ? this.#parent() : 'null::bigint'
  }

  /** Records of a kind, numbered $1 to $2, with whom or what they refer to (`target`). */
  #records(kind: keyof Counts): string {
    const isOfPosts = kind === 'like' || kind === 'repost' || kind === 'post'
    const targetDid = `pg_temp.did(${isOfPosts ? this.#postAuthor('target') : 'target'})`
    const rkey = kind === 'profile' ? `'self'` : 'pg_temp.tid(v)'
    const targetUri = isOfPosts
      ? `'at://' || "targetDid" || '/${NSIDS.post}/' || pg_temp.tid(${this.#version('post', 'target')})`
      : 'null'
    return `
      numbered as materialized (select n, ${this.#version(kind, 'n')} as v, ${this.#authorOf(kind)} as author, ${this.#target(kind)} as target
        from generate_series($1::bigint, $2::bigint) as n),
      named as materialized (select n, v, target, pg_temp.did(author) as did, ${rkey} as rkey, pg_temp.cid('${kind} ' || n) as cid,
        pg_temp.moment(v) as at, ${targetDid} as "targetDid" from numbered),
      r as materialized (select *, 'at://' || did || '/${NSIDS[kind]}/' || rkey as uri, ${targetUri} as "targetUri",
        pg_temp.cid('post ' || target) as "targetCid" from named),
      guards as (insert into millrace.record_rev (key, rev, deleted, dating)
        select pg_temp.key(did, '${NSIDS[kind]}/' || rkey), v, false, 0 from r),
      records as (insert into bsky.record (uri, cid, did, json, "indexedAt")
        select uri, cid, did, '{"$type":"${NSIDS[kind]}",' || ${JSONS[kind]} || '"createdAt":"' || at || '"}', at from r)`
  }

  statement(kind: keyof Counts): string {
    const [last = '', ...others] = ROWS[kind].toReversed()
    const rows = others.toReversed().map((sql, i) => `rows${i} as (${sql})`)
    return `with ${[this.#records(kind), ...rows].join(',\n')}\n${last}`
  }
}

const NSIDS: Readonly<Record<keyof Counts, string>> = {
  profile: 'app.bsky.actor.profile',
  post: 'app.bsky.feed.post',
  like: 'app.bsky.feed.like',
  repost: 'app.bsky.feed.repost',
  follow: 'app.bsky.graph.follow',
  actor_block: 'app.bsky.graph.block',
}

const TEXT = `repeat(md5('text ' || n) || ' ', 1 + (n % 6)::int)`
const SUBJECT_JSON = `'"subject":{"cid":"' || "targetCid" || '","uri":"' || "targetUri" || '"},'`
const PERSON_JSON = `'"subject":"' || "targetDid" || '",'`
const REPLY_JSON = `coalesce('"reply":{"root":{"cid":"' || "targetCid" || '","uri":"' || "targetUri" || '"},"parent":{"cid":"' || "targetCid" || '","uri":"' || "targetUri" || '"}},', '')`

/** What a record of the kind says, each member with its comma. */
const JSONS: Readonly<Record<keyof Counts, string>> = {
  profile: `'"displayName":"User ' || n || '","description":"' || md5('description ' || n) || '",'`,
  post: `'"text":"' || ${TEXT} || '","langs":["en"],' || ${REPLY_JSON}`,
  like: SUBJECT_JSON,
  repost: SUBJECT_JSON,
  follow: PERSON_JSON,
  actor_block: PERSON_JSON,
}

const engagement = (table: string): string => `insert into bsky."${table}"
  (uri, cid, creator, subject, "subjectCid", "createdAt", "indexedAt") select uri, cid, did, "targetUri", "targetCid", at, at from r`
const person = (table: string): string => `insert into bsky."${table}"
  (uri, cid, creator, "subjectDid", "createdAt", "indexedAt") select uri, cid, did, "targetDid", at, at from r`
const notification = (reason: string, subject: string): string => `insert into bsky.notification
  (did, author, "recordUri", "recordCid", reason, "reasonSubject", "sortAt")
  select "targetDid", did, uri, cid, '${reason}', ${subject}, at from r where "targetDid" <> did`
const feedItem = (type: string, post: string): string => `insert into bsky.feed_item
  (uri, cid, type, "postUri", "originatorDid", "sortAt") select uri, cid, '${type}', ${post}, did, at from r`

/** The rows of a kind beside `record` and its guard. */
const ROWS: Readonly<Record<keyof Counts, readonly string[]>> = {
  profile: [
    `insert into bsky.actor (did, handle, "indexedAt") select did, 'user' || n || '.bsky.social', at from r`,
    `insert into bsky.actor_sync (did, "commitCid", "repoRev") select did, cid, pg_temp.tid(v) from r`,
    `insert into bsky.profile (uri, cid, creator, "displayName", description, "createdAt", "indexedAt")
      select uri, cid, did, 'User ' || n, md5('description ' || n), at, at from r`,
  ],
  post: [
    `insert into bsky.post (uri, cid, creator, text, langs, "replyRoot", "replyRootCid", "replyParent", "replyParentCid", "createdAt", "indexedAt")
      select uri, cid, did, ${TEXT}, '["en"]', "targetUri", case when target is not null then "targetCid" end,
        "targetUri", case when target is not null then "targetCid" end, at, at from r`,
    feedItem('post', 'uri'),
    notification('reply', '"targetUri"'),
  ],
  like: [engagement('like'), notification('like', '"targetUri"')],
  repost: [engagement('repost'), feedItem('repost', '"targetUri"'), notification('repost', '"targetUri"')],
  follow: [person('follow'), notification('follow', 'null')],
  actor_block: [person('actor_block')],
}

const COUNT_POSTS = `insert into bsky.post_agg (uri, "likeCount", "replyCount", "repostCount")
  select uri, count(*) filter (where kind = 1), count(*) filter (where kind = 2), count(*) filter (where kind = 3) from (
    select subject as uri, 1 as kind from bsky."like"
    union all select "replyParent", 2 from bsky.post where "replyParent" is not null
    union all select subject, 3 from bsky.repost) as i group by uri`
const COUNT_ACCOUNTS = `insert into bsky.profile_agg (did, "followersCount", "followsCount", "postsCount")
  select did, count(*) filter (where kind = 1), count(*) filter (where kind = 2), count(*) filter (where kind = 3) from (
    select "subjectDid" as did, 1 as kind from bsky.follow
    union all select creator, 2 from bsky.follow
    union all select creator, 3 from bsky.post) as i group by did`

/**
 * What is dropped before and made again after: an index built at once takes a fraction of one that grows. Its pages are then as full
 * as those of one that grew by random keys (ln 2); full ones would all split under the first entries. What grows at its end stays full.
 */
const INDEXES = `
  select format('alter table %s drop constraint %I', conrelid::regclass, conname) as "drop", conindid::regclass::text as name,
    format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as make
    from pg_constraint where conrelid = any($1::regclass[]) and contype in ('p', 'u')
  union all select format('drop index %s', indexrelid::regclass), indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    from pg_index x where indrelid = any($1::regclass[])
      and not exists (select from pg_constraint c where c.conindid = x.indexrelid)`
const LEAF_PERCENT = 69
const growsAtItsEnd = (make: string): boolean => /\(("sortAt"|id)\b|using gist/i.test(make)

type Index = { readonly name: string; readonly drop: string; readonly make: string }

const makeIndex = async (tx: Queryable, { name, make }: Index): Promise<void> => {
  if (growsAtItsEnd(make)) return void (await tx.query({ text: make }))
  await tx.query({ text: `${make} with (fillfactor = ${LEAF_PERCENT})` })
  await tx.query({ text: `alter index ${name} reset (fillfactor)` })
}

type Say = (what: string) => void

const fillTables = async (tx: Queryable, counts: Counts, say: Say): Promise<void> => {
  const kinds = new Kinds(counts)
  await tx.query({ text: FUNCTIONS })
  for (const kind of Object.keys(counts) as (keyof Counts)[]) {
    const text = kinds.statement(kind)
    for (let from = 0; from < counts[kind]; from += CHUNK) {
      const to = Math.min(from + CHUNK, counts[kind])
      await tx.query({ text, values: [from, to - 1] })
      say(`${kind}: ${to.toLocaleString('en')} of ${counts[kind].toLocaleString('en')}`)
    }
  }
  await tx.query({ text: COUNT_POSTS })
  await tx.query({ text: COUNT_ACCOUNTS })
  say('counted')
}

/** Tables emptied in the transaction that fills them need no write-ahead log (wal_level minimal). */
const fillWithoutIndexes = async (tx: Queryable, counts: Counts, say: Say): Promise<void> => {
  await tx.query({ text: `set local work_mem = '256MB'; set local maintenance_work_mem = '1GB'` })
  const indexes = (await tx.query<Index>({ text: INDEXES, values: [TABLES] })).rows
  await tx.query({ text: `truncate ${TABLES.join(', ')}` })
  for (const { drop } of indexes) await tx.query({ text: drop })
  await fillTables(tx, counts, say)
  for (const index of indexes) {
    await makeIndex(tx, index)
    say(index.name)
  }
}

const catalogs = async (pool: Pool) => [await readCatalog(pool, 'bsky'), await readCatalog(pool, 'millrace')]

/** `pool`: whose statements may take FILL_TIMEOUT_MS, on a database that is migrated and empty. */
export const fill = async (pool: Pool, records: number, say: Say): Promise<void> => {
  const before = await catalogs(pool)
  await pool.transaction((tx) => fillWithoutIndexes(tx, countsOf(records), say))
  say('committed')
  assert.deepEqual(await catalogs(pool), before)
  await pool.query({ text: 'vacuum (analyze)' })
  say('vacuumed and analyzed')
  await pool.query({ text: 'checkpoint' })
  say('checkpointed')
}
