/**
 * Notifications. Recipients who muted the thread of the subject are left out, as the reference does, and so are accounts deleted
 * since; everybody else gets one line. Callers guarantee that a record is written under its rev guard, so a repetition adds nothing.
 */
import type { Notification } from './collection.ts'
import { run, type Tx } from './sql.ts'

/** Inserts; resolves with how many lines were written. */
export const insertNotifications = async (
  tx: Tx,
  schema: string,
  notifications: readonly Notification[],
): Promise<number> => {
  if (notifications.length === 0) return 0
  const pick = (column: keyof Notification) => notifications.map((notification) => notification[column])
  const rows = await run(tx, {
    name: `insert_${schema}_notification`,
    writes: 'notification',
    text: `insert into ${schema}.notification (did, author, "recordUri", "recordCid", reason, "reasonSubject", "sortAt")
      select i.* from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        as i(did, author, "recordUri", "recordCid", reason, "reasonSubject", "sortAt")
      where not exists (
        select 1 from ${schema}.thread_mute m left join ${schema}.post s on s.uri = i."reasonSubject"
        where m."mutedByDid" = i.did and m."rootUri" = coalesce(s."replyRoot", s.uri))
      and not exists (select 1 from millrace.account a where a.did = i.did and a."deletedAt" >= i."sortAt")
      returning id`,
    values: [
      pick('did'),
      pick('author'),
      pick('recordUri'),
      pick('recordCid'),
      pick('reason'),
      pick('reasonSubject'),
      pick('sortAt'),
    ],
  })
  return rows.length
}
