/**
 * The tables of the past, written: `past.ts` says what. Each insert is a part of the statement that takes the old rows of the
 * collection away (`write.ts`), so that an ordinary delete costs no statement more.
 */
import type { Collection } from './collection.ts'
import { gateLines, linkLines, postLines, verificationLines, type Happened } from './past.ts'

/** An insert whose parameters begin at `$2`. */
export type Keeping = { readonly text: string; readonly values: readonly unknown[] }

/** null: nothing to keep. */
export const keepPast = (schema: string, collection: Collection, happened: Happened): Keeping | null => {
  switch (collection.past) {
    case 'gate':
      return keepGates(happened)
    case 'link':
      return keepLinks(schema, happened)
    case 'post':
      return keepPosts(happened)
    case 'verification':
      return keepVerifications(happened)
    default:
      return null
  }
}

const keepGates = (happened: Happened): Keeping | null => {
  const lines = gateLines(happened)
  if (lines.length === 0) return null
  return {
    text: `insert into millrace.gate_version (key, at, rev, fetched, cid, json)
      select * from unnest($2::uuid[], $3::text[], $4::bigint[], $5::boolean[], $6::text[], $7::text[]) as i(key, at, rev)
      order by i.key, i.at, i.rev on conflict do nothing`,
    values: [
      lines.map(({ key }) => key),
      lines.map(({ at }) => at),
      lines.map(({ rev }) => rev.toString()),
      lines.map(({ fetched }) => fetched),
      lines.map(({ cid }) => cid),
      lines.map(({ json }) => json),
    ],
  }
}

const keepVerifications = (happened: Happened): Keeping | null => {
  const lines = verificationLines(happened)
  if (lines.length === 0) return null
  return {
    text: `insert into millrace.verification_version (uri, at, rev, fetched, cid, subject, "createdAt")
      select * from unnest($2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::text[], $7::text[], $8::text[]) as i(uri, at, rev)
      order by i.uri, i.at, i.rev on conflict do nothing`,
    values: [
      lines.map(({ uri }) => uri),
      lines.map(({ at }) => at),
      lines.map(({ rev }) => rev.toString()),
      lines.map(({ fetched }) => fetched),
      lines.map(({ cid }) => cid),
      lines.map(({ subject }) => subject),
      lines.map(({ createdAt }) => createdAt),
    ],
  }
}

/** A version that was overtaken ended, at the latest, when the version began that stands now and is another one. */
const keepLinks = (schema: string, happened: Happened): Keeping | null => {
  const lines = linkLines(happened)
  if (lines.length === 0) return null
  return {
    text: `insert into millrace.past_link as t (key, at, "createdAt", link)
      select distinct on (key, at) * from (
        select * from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[]) as i(key, at, "createdAt", link)
        union all select i.key, r."indexedAt", null, null
          from unnest($6::uuid[], $7::text[], $8::text[]) as i(key, uri, cid)
            join ${schema}.record r on r.uri = i.uri and r.cid <> i.cid) l
      order by key, at, link
      on conflict (key, at) do update set "createdAt" = excluded."createdAt", link = excluded.link where t.link is null`,
    values: [
      lines.map(({ key }) => key),
      lines.map(({ at }) => at),
      lines.map(({ createdAt }) => createdAt),
      lines.map(({ link }) => link),
      happened.overtaken.map(({ key }) => key),
      happened.overtaken.map(({ uri }) => uri),
      happened.overtaken.map(({ put }) => put?.cid ?? ''),
    ],
  }
}

const keepPosts = (happened: Happened): Keeping | null => {
  const lines = postLines(happened)
  if (lines.length === 0) return null
  return {
    text: `insert into millrace.deleted_post as t (uri, "deletedAt", seen, "replyRoot", "replyParent", mentions)
      select i.uri, i."deletedAt", i.seen, i."replyRoot", i."replyParent", string_to_array(i.mentions, ' ')
      from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        as i(uri, "deletedAt", seen, "replyRoot", "replyParent", mentions) order by i.uri
      on conflict (uri) do update set "deletedAt" = greatest(t."deletedAt", excluded."deletedAt"),
        seen = greatest(t.seen, excluded.seen),
        "replyRoot" = case when ${isNewerPlace} then excluded."replyRoot" else t."replyRoot" end,
        "replyParent" = case when ${isNewerPlace} then excluded."replyParent" else t."replyParent" end,
        mentions = case when ${isNewerPlace} then excluded.mentions else t.mentions end`,
    values: [
      lines.map(({ uri }) => uri),
      lines.map(({ deletedAt }) => deletedAt),
      lines.map(({ seen }) => seen),
      lines.map(({ replyRoot }) => replyRoot),
      lines.map(({ replyParent }) => replyParent),
      lines.map(({ mentions }) => mentions.join(' ')),
    ],
  }
}

const isNewerPlace = `excluded.seen > coalesce(t.seen, '')`
