/** Streams, groups, consumers, dead letters and cursors as they stand in Redis. Sends nothing but questions. */
import { cursorKey } from '../../../event/streams.ts'
import { sleep } from '../../../lib/backoff.ts'
import { replyCode } from '../../../stream/redis/errors.ts'
import type { Reply } from '../../../stream/redis/link.ts'
import {
  entriesOf,
  isAfter,
  list,
  number,
  pendingRows,
  positionOf,
  record,
  text,
  type PendingRow,
} from '../../../stream/redis/replies.ts'
import type { Topology } from '../../../stream/redis/topology.ts'
import { SAMPLE_MS } from '../sampling.ts'

export type ConsumerFacts = { readonly name: string; readonly pending: number; readonly idleMs: number }

export type GroupFacts = {
  readonly name: string
  /** Entries never delivered; null when Redis cannot tell. */
  readonly undelivered: number | null
  /** Age of the first of them; null when there is none. */
  readonly undeliveredAgeMs: number | null
  readonly pending: number
  readonly isAhead: boolean
  readonly consumers: readonly ConsumerFacts[]
  readonly oldestPending: readonly PendingRow[]
}

export type StreamFacts = {
  readonly stream: string
  readonly length: number
  /** Mean memory of one entry; null while there are too few to tell. */
  readonly entryBytes: number | null
  readonly groups: readonly GroupFacts[]
  /** Reasons of the newest letters, for streams of dead letters. */
  readonly reasons: readonly string[]
}

export type CursorFacts = {
  readonly key: string
  readonly before: string | null
  readonly after: string | null
}

export type StreamsAsked = {
  readonly streams: readonly string[]
  readonly deadLetters: readonly string[]
  readonly hosts: readonly string[]
  readonly signal: AbortSignal
}

const ENOUGH_ENTRIES = 100
const OLDEST_PENDING = 100
const NEWEST_LETTERS = 200

export const readStreams = async (topology: Topology, asked: StreamsAsked): Promise<StreamFacts[]> => {
  const found = await Promise.all([
    ...asked.streams.map((stream) => readStream(topology, stream)),
    ...asked.deadLetters.map((stream) => readLetters(topology, stream)),
  ])
  return found.filter((facts) => facts !== null)
}

const readStream = async (topology: Topology, stream: string): Promise<StreamFacts | null> => {
  try {
    const [info = null, groups = null, memory = null] = await topology.pipeline(stream, [
      ['XINFO', 'STREAM', stream],
      ['XINFO', 'GROUPS', stream],
      ['MEMORY', 'USAGE', stream],
    ])
    const length = number(record(info).get('length'))
    const names = list(groups).map((group) => String(record(group).get('name')))
    return {
      stream,
      length,
      entryBytes: length >= ENOUGH_ENTRIES && memory !== null ? number(memory) / length : null,
      groups: await Promise.all(names.map((name) => readGroup(topology, { stream, name, info, groups }))),
      reasons: [],
    }
  } catch (error) {
    if (replyCode(error) === 'ERR') return null // no such key
    throw error
  }
}

type GroupAsked = {
  readonly stream: string
  readonly name: string
  readonly info: Reply
  readonly groups: Reply
}

const readGroup = async (topology: Topology, asked: GroupAsked): Promise<GroupFacts> => {
  const { stream, name, info, groups } = asked
  const own = list(groups)
    .map((group) => record(group))
    .find((group) => text(group.get('name')) === name)
  const delivered = text(own?.get('last-delivered-id')) ?? '0-0'
  const generated = text(record(info).get('last-generated-id')) ?? '0-0'
  const [consumers = null, pending = null, next = null] = await topology.pipeline(stream, [
    ['XINFO', 'CONSUMERS', stream, name],
    ['XPENDING', stream, name, '-', '+', String(OLDEST_PENDING)],
    ['XRANGE', stream, `(${delivered}`, '+', 'COUNT', '1'],
  ])
  const [first] = entriesOf(next, 0)
  const held = number(own?.get('pending'))
  const length = number(record(info).get('length'))
  return {
    name,
    undelivered: first === undefined ? 0 : undeliveredOf(length, held, list(groups).length),
    undeliveredAgeMs: first === undefined ? null : Math.max(0, Date.now() - positionOf(first.id)[0]),
    pending: held,
    isAhead: isAfter(positionOf(delivered), positionOf(generated)),
    consumers: list(consumers).map(consumerOf),
    oldestPending: pendingRows(pending),
  }
}

/**
 * Acknowledging deletes, so what is stored is pending or was never delivered. With a second group that does not hold; and to
 * count exactly, every entry would have to be read.
 */
const undeliveredOf = (length: number, pending: number, groups: number): number | null =>
  groups === 1 && length >= pending ? length - pending : null

const consumerOf = (reply: Reply): ConsumerFacts => {
  const consumer = record(reply)
  return {
    name: String(consumer.get('name')),
    pending: number(consumer.get('pending')),
    idleMs: number(consumer.get('idle')),
  }
}

const readLetters = async (topology: Topology, stream: string): Promise<StreamFacts> => {
  const [length = 0, newest = null] = await topology.pipeline(stream, [
    ['XLEN', stream],
    ['XREVRANGE', stream, '+', '-', 'COUNT', String(NEWEST_LETTERS)],
  ])
  const reasons = entriesOf(newest, 0).map(({ fields }) => wordOf(fields ?? {}))
  return { stream, length: number(length), entryBytes: null, groups: [], reasons }
}

/** The cause begins the error text, up to the first colon; what follows may name accounts. */
const wordOf = ({ reason = 'no reason', error }: Readonly<Record<string, string>>): string => {
  const cause = error?.split(':')[0]?.trim().slice(0, 40)
  return cause && cause !== reason ? `${reason} (${cause})` : reason.slice(0, 80)
}

/** As the setting writes the host, and without its scheme, which an ancestor wrote. */
const keysOf = (stream: string, host: string): string[] => [
  ...new Set([
    cursorKey(stream, host),
    cursorKey(stream, host.replace(/^[a-z]+:\/\//i, '').replace(/\/+$/, '')),
  ]),
]

const CURSOR_STREAMS = ['firehose_live', 'label_live', 'repo_backfill']

/** Asked by name: a scan would walk millions of cached identities. */
export const readCursors = async (topology: Topology, asked: StreamsAsked): Promise<CursorFacts[]> => {
  const keys = CURSOR_STREAMS.flatMap((stream) => asked.hosts.flatMap((host) => keysOf(stream, host)))
  const get = async () => Promise.all(keys.map(async (key) => text(await topology.send(key, ['GET', key]))))
  const before = await get()
  if (before.every((value) => value === null)) return []
  await sleep(SAMPLE_MS, asked.signal)
  const after = await get()
  return keys.flatMap((key, i) => {
    const cursor = { key, before: before[i] ?? null, after: after[i] ?? null }
    return cursor.before === null && cursor.after === null ? [] : [cursor]
  })
}
