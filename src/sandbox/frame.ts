/**
 * Frames of an event stream: two DAG-CBOR values, a header and a body. A frame is encoded once with `SEQ_PLACEHOLDER` and
 * numbered by each relay that sends it.
 */
import { encode, toBytes } from '@atcute/cbor'
import { cidLink, type Digest } from './block.ts'
import { commitCar, type Head, type RepoCommit } from './repo.ts'

/** Sequence numbers stay between 65,536 and 2³² - 1: their encoding then has a fixed width of 4 bytes. */
const SEQ_PLACEHOLDER = 0xffffffff
const SEQ_MARK = Buffer.from('\x63seq\x1a\xff\xff\xff\xff', 'latin1')

export type Unnumbered = { readonly bytes: Buffer; readonly seqAt: number }

export const encodeFrame = (header: object, body: object): Buffer => {
  const head = encode(header)
  const rest = encode(body)
  const frame = Buffer.allocUnsafeSlow(head.length + rest.length)
  frame.set(head)
  frame.set(rest, head.length)
  return frame
}

const HEADERS = new Map<string, { op: number; t: string }>()
const headerOf = (type: string): object => {
  const known = HEADERS.get(type)
  if (known !== undefined) return known
  const header = { op: 1, t: type }
  HEADERS.set(type, header)
  return header
}

export const messageFrame = (type: string, body: object): Unnumbered => {
  const bytes = encodeFrame(headerOf(type), { ...body, seq: SEQ_PLACEHOLDER })
  return { bytes, seqAt: bytes.indexOf(SEQ_MARK) + 5 }
}

/** The frame's bytes under this number: its own buffer the first time, else a copy. */
export const numberFrame = (frame: Unnumbered, seq: number, copy: boolean): Buffer => {
  const bytes = copy ? Buffer.from(frame.bytes) : frame.bytes
  bytes.writeUInt32BE(seq, frame.seqAt)
  return bytes
}

export const infoFrame = (name: string, message: string): Buffer =>
  encodeFrame(headerOf('#info'), { name, message })

export const errorFrame = (error: string, message: string): Buffer =>
  encodeFrame({ op: -1 }, { error, message })

export type CommitParts = {
  readonly did: string
  readonly commit: RepoCommit
  readonly time: string
  readonly blobs: readonly Digest[]
}

export const commitBody = ({ did, commit, time, blobs }: CommitParts): Record<string, unknown> => ({
  rebase: false,
  tooBig: false,
  repo: did,
  commit: cidLink(commit.head.digest),
  rev: commit.head.rev,
  since: commit.before?.rev ?? null,
  blocks: toBytes(commit.blocks),
  ops: commit.ops.map(({ action, path, digest, prev }) => ({
    action,
    path,
    cid: digest === null ? null : cidLink(digest),
    ...(prev === null ? {} : { prev: cidLink(prev) }),
  })),
  blobs: blobs.map((blob) => cidLink(blob, 'raw')),
  ...(commit.before === null ? {} : { prevData: cidLink(commit.before.data) }),
  time,
})

export const commitFrame = (parts: CommitParts): Unnumbered => messageFrame('#commit', commitBody(parts))

export const syncFrame = (did: string, head: Head, time: string): Unnumbered =>
  messageFrame('#sync', { did, rev: head.rev, blocks: toBytes(commitCar(head)), time })

export const identityFrame = (did: string, handle: string | null, time: string): Unnumbered =>
  messageFrame('#identity', { did, time, ...(handle === null ? {} : { handle }) })

export const accountFrame = (did: string, status: string | null, time: string): Unnumbered =>
  messageFrame('#account', { did, time, active: status === null, ...(status === null ? {} : { status }) })
