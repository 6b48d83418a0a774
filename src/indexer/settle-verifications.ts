/**
 * Whom verifications tell. Of several by one account of another one holds the row, and only that one tells: `verified` when it
 * begins to hold, `unverified` when it goes. Law: computed from every version there ever was, in the order of their events; so
 * also one that had gone before it came tells both.
 */
import { holdAccounts } from './accounts.ts'
import { uriDid, type Notification } from './collection.ts'
import { insertNotifications } from './notifications.ts'
import { ofKind, run, type Tx } from './sql.ts'
import { earlier } from './time.ts'

export type VerificationVersion = {
  readonly uri: string
  readonly at: string
  readonly rev: string
  /** Brought by a backfill: nothing new where the same version was told live. */
  readonly fetched: boolean
  /** null: deleted. */
  readonly cid: string | null
  readonly subject: string
  readonly createdAt: string
}

/** Pure: what the versions of one account's verifications have told. */
export const verificationNotifications = (
  versions: readonly VerificationVersion[],
): readonly Notification[] => {
  const live = new Set(versions.flatMap(({ uri, fetched, cid }) => (fetched ? [] : `${uri} ${cid}`)))
  const news = versions.filter(({ uri, fetched, cid }) => !(fetched && live.has(`${uri} ${cid}`)))
  const standing = new Map<string, VerificationVersion>()
  const holderOf = (subject: string) =>
    [...standing.values()].filter((version) => version.subject === subject).toSorted(byAge)[0]
  let told: Notification[] = []
  for (const version of news.toSorted(byTime)) {
    const former = standing.get(version.uri)
    const subjects = [...new Set([former?.subject, version.cid === null ? undefined : version.subject])]
    const before = subjects.map((subject) => holderOf(subject ?? ''))
    standing.delete(version.uri)
    if (version.cid !== null) standing.set(version.uri, version)
    // An edit takes back what was said of the version before.
    if (former && version.cid !== null) told = told.filter(({ recordUri }) => recordUri !== version.uri)
    for (const [index, subject] of subjects.entries()) {
      const [held, holds] = [before[index], holderOf(subject ?? '')]
      if (held === holds) continue
      // One that only makes room for an older one never held.
      if (held && held.uri !== version.uri) told = told.filter(({ recordUri }) => recordUri !== held.uri)
      if (held && held.uri === version.uri) told.push(notification(held, 'unverified', version.at))
      if (holds) told.push(notification(holds, 'verified', earlier(holds.at, holds.createdAt)))
    }
  }
  return told
}

const byTime = (a: VerificationVersion, b: VerificationVersion): number => {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1
  return Number(BigInt(a.rev) - BigInt(b.rev)) || (a.uri < b.uri ? -1 : 1)
}

/** As duplicates.ts chooses the holder. */
const byAge = (a: VerificationVersion, b: VerificationVersion): number =>
  (a.at === b.at ? a.uri < b.uri : a.at < b.at) ? -1 : 1

const notification = (
  { uri, cid, subject }: VerificationVersion,
  reason: 'verified' | 'unverified',
  sortAt: string,
): Notification => ({
  did: subject,
  author: uriDid(uri),
  recordUri: uri,
  recordCid: cid ?? '',
  reason,
  reasonSubject: null,
  sortAt,
})

/** Settles what these verifications tell, and those that vie with them; resolves with the number of lines written. */
export const settleVerifications = async (
  on: Tx,
  schema: string,
  uris: readonly string[],
): Promise<number> => {
  const tx = ofKind(on, 'notifications')
  await holdAccounts(tx, uris.map(uriDid))
  const versions = await loadVersions(tx, schema, uris)
  const wanted = [...Map.groupBy(versions, ({ uri }) => uriDid(uri)).values()].flatMap(
    verificationNotifications,
  )
  const concerned = [...new Set([...uris, ...versions.map(({ uri }) => uri)])]
  return reconcile(tx, schema, concerned, wanted)
}

/**
 * Every version of these verifications and of those that ever vied with them. What an account said before it was deleted it
 * never said; one that was stored before versions were kept is its only version.
 */
const loadVersions = (tx: Tx, schema: string, uris: readonly string[]) =>
  run<VerificationVersion>(tx, {
    name: `verification_versions_${schema}`,
    text: `with recursive u(uri) as (
        select unnest($1::text[])
        union select w.uri from u join millrace.verification_version v on v.uri = u.uri and v.subject is not null
          join millrace.verification_version w on w.subject = v.subject and split_part(w.uri, '/', 3) = split_part(u.uri, '/', 3))
      select v.uri, v.at, v.rev::text, v.fetched, v.cid, coalesce(v.subject, '') as subject, coalesce(v."createdAt", '') as "createdAt"
        from u join millrace.verification_version v on v.uri = u.uri
          left join millrace.account a on a.did = split_part(v.uri, '/', 3)
        where v.at > coalesce(a."deletedAt", '')
      union all select t.uri, t."indexedAt", '0', true, t.cid, t.subject, t."createdAt" from ${schema}.verification t
        where (t.subject, t.creator) in
            (select v.subject, split_part(v.uri, '/', 3) from u join millrace.verification_version v on v.uri = u.uri)
          and not exists (select 1 from millrace.verification_version v where v.uri = t.uri and v.cid is not null)`,
    values: [uris],
  })

type Line = {
  readonly id: string
  readonly did: string
  readonly recordUri: string
  readonly recordCid: string
  readonly reason: string
  readonly sortAt: string
}

const wordsOf = ({ did, recordUri, recordCid, reason, sortAt }: Omit<Line, 'id'>): string =>
  [did, recordUri, recordCid, reason, sortAt].join('\n')

/** Adds what is missing, takes back what is too much; the same may rightly be told twice. */
const reconcile = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
  wanted: readonly Notification[],
): Promise<number> => {
  const existing = await run<Line>(tx, {
    name: `existing_words_${schema}`,
    text: `select id::text, did, "recordUri", "recordCid", reason, "sortAt" from ${schema}.notification where "recordUri" = any($1::text[])`,
    values: [uris],
  })
  const open = Map.groupBy(existing, wordsOf)
  const missing = wanted.filter((word) => open.get(wordsOf(word))?.pop() === undefined)
  const outdated = [...open.values()].flat().map(({ id }) => id)
  if (outdated.length > 0) {
    await run(tx, {
      name: `outdated_words_${schema}`,
      writes: 'notification',
      text: `delete from ${schema}.notification where id = any($1::bigint[])`,
      values: [outdated],
    })
  }
  return insertNotifications(tx, schema, missing)
}
