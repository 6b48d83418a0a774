/**
 * Decoded, typed frames of `com.atproto.sync.subscribeRepos`. Owns which fields a message must have; guarantees that hostile
 * values give a drop, never an exception; refuses to know which of them we keep. What relays really send is wider than the
 * lexicon (blobs as links or as strings, `tooBig` and `rebase` absent), so fields we do not use are not looked at.
 */
import { BytesWrapper, CidLinkWrapper } from '@atcute/cbor'
import { cidTextAt } from './cid.ts'
import type { MessageFrame } from './frame.ts'
import {
  dropMessage,
  parseInfo,
  readSeq,
  type Body,
  type DroppedMessage,
  type InfoMessage,
} from './message-body.ts'
import { isDid, isTid } from './syntax.ts'

export { parseLabelMessage } from './label.ts'
export type { DroppedMessage, InfoMessage } from './message-body.ts'

export type RepoOp = {
  readonly action: 'create' | 'update' | 'delete'
  /** `<collection>/<rkey>`, not validated. */
  readonly path: string
  readonly cid: string | null
  /** CID of the record before the operation (Sync 1.1); null when the upstream does not say. */
  readonly prev: string | null
}

export type CommitMessage = {
  readonly type: 'commit'
  readonly seq: number
  readonly time: string
  readonly repo: string
  /** CID of the commit block. */
  readonly commit: string
  readonly rev: string
  readonly since: string | null
  /** CID of the MST root before this commit (Sync 1.1). */
  readonly prevData: string | null
  readonly tooBig: boolean
  readonly ops: readonly RepoOp[]
  /** A CAR; empty when the commit was too big. */
  readonly blocks: Uint8Array
}

export type SyncMessage = {
  readonly type: 'sync'
  readonly seq: number
  readonly time: string
  readonly did: string
  readonly rev: string
  /** A CAR that holds the commit block. */
  readonly blocks: Uint8Array
}

export type IdentityMessage = {
  readonly type: 'identity'
  readonly seq: number
  readonly time: string
  readonly did: string
  /** A claim: the handle's domain may say otherwise. */
  readonly handle?: string
}

export type AccountMessage = {
  readonly type: 'account'
  readonly seq: number
  readonly time: string
  readonly did: string
  readonly active: boolean
  /** `takendown`, `suspended`, `deleted`, `deactivated`, `desynchronized`, `throttled`, or any later word; null when unsaid. */
  readonly status: string | null
}

export type RepoMessage = CommitMessage | SyncMessage | IdentityMessage | AccountMessage | InfoMessage

export const parseRepoMessage = (frame: MessageFrame): RepoMessage | DroppedMessage => {
  const { type, body } = frame
  if (type === '#info') return parseInfo(body)
  const seq = readSeq(body)
  const parse = PARSERS.get(type)
  if (parse === undefined) return dropMessage('unknown_type', seq)
  const time = body['time']
  if (seq === null || typeof time !== 'string') return dropMessage('invalid_message', seq)
  return parse(body, { seq, time }) ?? dropMessage('invalid_message', seq)
}

type Position = { readonly seq: number; readonly time: string }
type Parser = (body: Body, at: Position) => RepoMessage | null

const parseCommit: Parser = (body, { seq, time }) => {
  const { repo, rev, since } = body
  const commit = linkText(body['commit'])
  const prevData = linkText(body['prevData'])
  const tooBig = body['tooBig'] === true
  const ops = parseOps(body['ops'])
  const blocks = readBytes(body['blocks']) ?? (tooBig ? NO_BYTES : null)
  if (!isDidValue(repo) || !isRev(rev) || !commit || prevData === undefined || !ops || !blocks) return null
  return {
    type: 'commit',
    seq,
    time,
    repo,
    commit,
    rev,
    since: typeof since === 'string' ? since : null,
    prevData,
    tooBig,
    ops,
    blocks,
  }
}

const parseOps = (value: unknown): RepoOp[] | null => {
  if (!Array.isArray(value)) return null
  const ops: RepoOp[] = []
  for (const item of value as readonly unknown[]) {
    const op = parseOp(item)
    if (op === null) return null
    ops.push(op)
  }
  return ops
}

const parseOp = (value: unknown): RepoOp | null => {
  if (typeof value !== 'object' || value === null) return null
  const { action, path, cid, prev } = value as Body
  if (action !== 'create' && action !== 'update' && action !== 'delete') return null
  const cidText = linkText(cid)
  const prevText = linkText(prev)
  if (typeof path !== 'string' || cidText === undefined || prevText === undefined) return null
  return { action, path, cid: cidText, prev: prevText }
}

const parseSync: Parser = (body, { seq, time }) => {
  const { did, rev } = body
  const blocks = readBytes(body['blocks'])
  if (!isDidValue(did) || !isRev(rev) || !blocks) return null
  return { type: 'sync', seq, time, did, rev, blocks }
}

const parseIdentity: Parser = (body, { seq, time }) => {
  const { did, handle } = body
  if (!isDidValue(did)) return null
  return { type: 'identity', seq, time, did, ...(typeof handle === 'string' && { handle }) }
}

const parseAccount: Parser = (body, { seq, time }) => {
  const { did, active, status } = body
  if (!isDidValue(did) || typeof active !== 'boolean') return null
  return { type: 'account', seq, time, did, active, status: typeof status === 'string' ? status : null }
}

const parseTombstone: Parser = (body, { seq, time }) => {
  const { did } = body
  return isDidValue(did) ? { type: 'account', seq, time, did, active: false, status: 'deleted' } : null
}

/** `#handle` and `#tombstone` left the lexicon in 2024; replays of old windows still hold them. */
const PARSERS: ReadonlyMap<string, Parser> = new Map([
  ['#commit', parseCommit],
  ['#sync', parseSync],
  ['#identity', parseIdentity],
  ['#account', parseAccount],
  ['#handle', parseIdentity],
  ['#tombstone', parseTombstone],
])

const NO_BYTES = new Uint8Array(0)

const readBytes = (value: unknown): Uint8Array | null => (value instanceof BytesWrapper ? value.buf : null)

/** The text of a link; null when there is none; undefined when the value is something else. */
const linkText = (value: unknown): string | null | undefined => {
  if (value === null || value === undefined) return null
  return value instanceof CidLinkWrapper ? cidTextAt(value.bytes, 0) : undefined
}

const isDidValue = (value: unknown): value is string => typeof value === 'string' && isDid(value)

/** A rev orders the events of a repo: one that is not a TID would freeze or rewind its rows. */
const isRev = (value: unknown): value is string => typeof value === 'string' && isTid(value)
