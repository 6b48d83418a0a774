/** What likes and reposts share: a subject, perhaps by way of somebody's repost (`via`), and whom that interests. */
import { uriDid, type Notification, type Put, type Row } from '../collection.ts'
import { datetimeOrEpoch, earlier } from '../time.ts'

type StrongRef = { readonly uri: string; readonly cid: string }
type Engagement = {
  readonly subject: StrongRef
  readonly createdAt: string
  readonly via?: StrongRef | undefined
}

export const engagementRow = ({ uri, cid, did, record, indexedAt }: Put<Engagement>): Row => ({
  uri,
  cid,
  creator: did,
  subject: record.subject.uri,
  subjectCid: record.subject.cid,
  via: record.via?.uri ?? null,
  viaCid: record.via?.cid ?? null,
  createdAt: datetimeOrEpoch(record.createdAt),
  indexedAt,
})

/** The subject's author, then the author of the repost it came by; nobody is notified of what they did themselves. */
export const engagementNotifications =
  (reason: 'like' | 'repost') =>
  (_row: Row, { uri, cid, did, record, indexedAt }: Put<Engagement>): Notification[] => {
    const subjectAuthor = uriDid(record.subject.uri)
    if (subjectAuthor === did) return []
    const notification = {
      did: subjectAuthor,
      author: did,
      recordUri: uri,
      recordCid: cid,
      reason: reason as string,
      reasonSubject: record.subject.uri,
      sortAt: earlier(indexedAt, datetimeOrEpoch(record.createdAt)),
    }
    const viaAuthor = record.via && uriDid(record.via.uri)
    if (!record.via || !viaAuthor || viaAuthor === did) return [notification]
    const via = {
      ...notification,
      did: viaAuthor,
      reason: `${reason}-via-repost`,
      reasonSubject: record.via.uri,
    }
    return [notification, via]
  }
