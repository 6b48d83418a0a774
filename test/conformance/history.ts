/**
 * What happened in the captured network, in order: the facts that rules about differences are judged by. Of what was deleted
 * or replaced nothing but this history knows.
 */
import { convertMessage, type SequencedMessage } from '../../src/ingester/convert.ts'
import type { JsonObject, StreamEvent } from '../../src/event/event.ts'
import { NETWORK_COLLECTIONS, readMessages } from './network.ts'

/** One version of a record, or its end. */
export type Version = {
  readonly position: number
  readonly type: 'create' | 'update' | 'delete'
  readonly time: string
  readonly cid: string | null
  readonly record: JsonObject
}

export type History = {
  /** Every event of the capture, in the order of its stream. */
  readonly events: readonly StreamEvent[]
  readonly uris: readonly string[]
  readonly versions: (uri: string) => readonly Version[]
  /** The last version of a record, deleted or not; an empty object when there never was one. */
  readonly record: (uri: string) => JsonObject
  readonly isAlive: (uri: string) => boolean
  /** It was deleted at some time. */
  readonly wasDeleted: (uri: string) => boolean
  /** It was deleted or replaced at some time. */
  readonly hasPast: (uri: string) => boolean
  /** Accounts whose deletion was announced. */
  readonly deletedAccounts: ReadonlySet<string>
  /** `did rev` of the messages that leave no event: `#sync`, and commits in which no operation is of a kept collection. */
  readonly silentRevs: ReadonlySet<string>
}

export const didOf = (uri: string): string => uri.split('/')[2] ?? ''
export const collectionOf = (uri: string): string => uri.split('/')[3] ?? ''

const convert = (messages: readonly SequencedMessage[]) => {
  const events: StreamEvent[] = []
  const silentRevs = new Set<string>()
  for (const message of messages) {
    const found = convertMessage(message, { collections: NETWORK_COLLECTIONS, receivedAtMs: Date.now() })
    // The encoding that the stream would do: links and bytes as JSON.
    events.push(...(JSON.parse(JSON.stringify(found.events)) as StreamEvent[]))
    if (found.events.length > 0) continue
    if (message.type === 'sync') silentRevs.add(`${message.did} ${message.rev}`)
    if (message.type === 'commit') silentRevs.add(`${message.repo} ${message.rev}`)
  }
  return { events, silentRevs }
}

const collectVersions = (events: readonly StreamEvent[]): Map<string, Version[]> => {
  const versions = new Map<string, Version[]>()
  for (const [position, event] of events.entries()) {
    if (event.type !== 'create' && event.type !== 'update' && event.type !== 'delete') continue
    const uri = `at://${event.did}/${event.collection}/${event.rkey}`
    const { type, time } = event
    const [cid, record] = event.type === 'delete' ? [null, {}] : [event.cid, event.record]
    versions.set(uri, [...(versions.get(uri) ?? []), { position, type, time, cid, record }])
  }
  return versions
}

/** Of the captured network, or of another one that was listened to. */
export const readHistory = (messages: readonly SequencedMessage[] = readMessages()): History => {
  const { events, silentRevs } = convert(messages)
  const byUri = collectVersions(events)
  const versions = (uri: string): readonly Version[] => byUri.get(uri) ?? []
  const deletedAccounts = new Set(
    events.flatMap((event) => (event.type === 'account' && event.status === 'deleted' ? [event.did] : [])),
  )
  return {
    events,
    uris: [...byUri.keys()],
    versions,
    record: (uri) => versions(uri).findLast(({ type }) => type !== 'delete')?.record ?? {},
    isAlive: (uri) =>
      !deletedAccounts.has(didOf(uri)) && (versions(uri).at(-1)?.type ?? 'delete') !== 'delete',
    wasDeleted: (uri) => versions(uri).some(({ type }) => type === 'delete'),
    hasPast: (uri) => versions(uri).some(({ type }) => type !== 'create'),
    deletedAccounts,
    silentRevs,
  }
}
