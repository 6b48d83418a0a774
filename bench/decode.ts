/**
 * How fast hostile bytes become values on one core: frames to messages and records, repositories to verified records, each
 * beside the ceiling of the same run (decoding alone). `node bench/decode.ts`; about ten seconds.
 */
import { CidLinkWrapper, decode, decodeFirst, encode, toBytes } from '@atcute/cbor'
import { createHash, randomBytes } from 'node:crypto'
import Table from 'cli-table3'
import secp256k1 from 'secp256k1'
import { selectBlocks } from '../src/atproto/car.ts'
import { cidOfBlock, parseCid } from '../src/atproto/cid.ts'
import { formatDidKey } from '../src/atproto/did-key.ts'
import { decodeFrame } from '../src/atproto/frame.ts'
import { parseRepoMessage } from '../src/atproto/message.ts'
import { MstTree } from '../src/atproto/mst-tree.ts'
import { decodeRecord } from '../src/atproto/record.ts'
import { verifyRepoBytes } from '../src/atproto/repo.ts'
import { verifyCommitMessage } from '../src/atproto/verify-commit.ts'

const DID = 'did:plc:44ybard66vv44zksje25o7dz'
const RECORDS = 5_000
const ROUNDS = 5
const ROUND_MS = 250

const cidBytes = (cid: string): Buffer => parseCid(cid) ?? Buffer.alloc(36)
const link = (cid: string) => new CidLinkWrapper(cidBytes(cid))
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]
const section = (...parts: Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from(varint(parts.reduce((sum, part) => sum + part.length, 0))), ...parts])

const carOf = (root: string, blocks: ReadonlyMap<string, Uint8Array>): Buffer =>
  Buffer.concat([
    section(encode({ roots: [link(root)], version: 1 })),
    ...[...blocks].map(([cid, block]) => section(cidBytes(cid), block)),
  ])

const privateKey = randomBytes(32)
const didKey = formatDidKey({ curve: 'k256', point: secp256k1.publicKeyCreate(privateKey, true) })

const signedCommit = (data: string, rev: string): Uint8Array => {
  const unsigned = { did: DID, version: 3, data: link(data), rev, prev: null }
  const digest = createHash('sha256').update(encode(unsigned)).digest()
  return encode({ ...unsigned, sig: toBytes(secp256k1.ecdsaSign(digest, privateKey).signature) })
}

const TIDS = '234567abcdefghijklmnopqrstuvwxyz'
const tid = (n: number): string =>
  '3lmx' + Array.from({ length: 9 }, (_, i) => TIDS[Math.floor(n / 32 ** (8 - i)) % 32]).join('')

const likeBlock = (n: number): Uint8Array =>
  encode({
    $type: 'app.bsky.feed.like',
    subject: {
      cid: 'bafyreigewdja54vltktm26nis7j7tbnwu32fauquzmclqanvrgje5lzrci',
      uri: `at://${DID}/app.bsky.feed.post/${tid(n)}`,
    },
    createdAt: '2025-04-16T21:30:26.000Z',
  })

const buildRepo = () => {
  const tree = new MstTree(new Map(), null)
  const records = new Map<string, Uint8Array>()
  for (let n = 0; n < RECORDS; n++) {
    const block = likeBlock(n)
    records.set(cidOfBlock(block), block)
    tree.insert(`app.bsky.feed.like/${tid(n * 977)}`, cidOfBlock(block))
  }
  const before = tree.encode()
  const commit = signedCommit(before.root, tid(1))
  const blocks = new Map([[cidOfBlock(commit), commit], ...before.nodes, ...records])
  return { tree, car: carOf(cidOfBlock(commit), blocks), before }
}

/** A frame like those of the relay: one created record, with the tree nodes that prove it. */
const buildFrame = (
  tree: MstTree,
  before: { root: string; nodes: ReadonlyMap<string, Uint8Array> },
): Buffer => {
  const record = likeBlock(RECORDS)
  const cid = cidOfBlock(record)
  const path = `app.bsky.feed.like/${tid(RECORDS * 977)}`
  tree.insert(path, cid)
  const after = tree.encode()
  const changed = [...after.nodes].filter(([node]) => !before.nodes.has(node))
  const commit = signedCommit(after.root, tid(2))
  const blocks = carOf(cidOfBlock(commit), new Map([[cidOfBlock(commit), commit], ...changed, [cid, record]]))
  const body = {
    seq: 35941522,
    time: '2025-04-16T21:30:26.717Z',
    repo: DID,
    commit: link(cidOfBlock(commit)),
    rev: tid(2),
    since: tid(1),
    prevData: link(before.root),
    blobs: [],
    blocks: toBytes(blocks),
    ops: [{ action: 'create', path, cid: link(cid) }],
    rebase: false,
    tooBig: false,
  }
  return Buffer.concat([encode({ op: 1, t: '#commit' }), encode(body)])
}

const { tree, car, before } = buildRepo()
const frame = buildFrame(tree, before)

const message = () => {
  const decoded = decodeFrame(frame)
  if ('drop' in decoded || decoded.kind === 'error') throw new Error('not a message')
  const parsed = parseRepoMessage(decoded)
  if ('drop' in parsed || parsed.type !== 'commit') throw new Error('not a commit')
  return parsed
}
const records = () => {
  const parsed = message()
  const blocks = selectBlocks(parsed.blocks, new Set(parsed.ops.flatMap(({ cid }) => cid ?? [])))
  return parsed.ops.map(({ cid }) => decodeRecord(blocks.get(cid ?? '') ?? new Uint8Array()))
}
const verifyRepoOnce = () => verifyRepoBytes(car, { did: DID, didKey, filter: () => true, maxBytes: 1e9 })
const decodeOnly = (): void => {
  decode(decodeFirst(frame)[1])
}
const likes = Array.from({ length: RECORDS }, (_, n) => likeBlock(n))

type Job = {
  readonly name: string
  readonly unit: string
  readonly perCall: number
  readonly run: () => unknown
}
const jobs: readonly Job[] = [
  {
    name: 'frame: decode only (ceiling)',
    unit: 'frames',
    perCall: 1,
    run: decodeOnly,
  },
  { name: 'frame → message', unit: 'frames', perCall: 1, run: message },
  { name: 'frame → message → record', unit: 'frames', perCall: 1, run: records },
  {
    name: 'frame → message → record → JSON',
    unit: 'frames',
    perCall: 1,
    run: () => JSON.stringify(records()),
  },
  {
    name: 'frame verified (signature, ops undone)',
    unit: 'frames',
    perCall: 1,
    run: () => {
      if (!verifyCommitMessage(message(), didKey).valid) throw new Error('does not verify')
    },
  },
  {
    name: 'record: decode only (ceiling)',
    unit: 'records',
    perCall: RECORDS,
    run: () => likes.forEach((block) => void decode(block)),
  },
  { name: 'repo verified', unit: 'records', perCall: RECORDS, run: verifyRepoOnce },
  {
    name: 'repo verified → records',
    unit: 'records',
    perCall: RECORDS,
    run: () => [...verifyRepoOnce().records].length,
  },
  {
    name: 'repo verified → records → JSON',
    unit: 'records',
    perCall: RECORDS,
    run: () => {
      for (const { value } of verifyRepoOnce().records) JSON.stringify(value)
    },
  },
]

/** Calls per second of one short round. */
const round = ({ run, perCall }: Job): number => {
  const start = performance.now()
  let calls = 0
  while (performance.now() - start < ROUND_MS) {
    run()
    calls++
  }
  return (calls * perCall * 1000) / (performance.now() - start)
}

// Rounds interleave, and the best counts: on a shared machine the slow ones measure the neighbours.
const best = new Map<Job, number>(jobs.map((job) => [job, 0]))
for (let i = 0; i < ROUNDS; i++) {
  for (const job of jobs) best.set(job, Math.max(best.get(job) ?? 0, round(job)))
}

const table = new Table({ head: ['job', 'per second and core', 'of'], style: { head: [], border: [] } })
for (const [{ name, unit }, rate] of best) table.push([name, Math.round(rate).toLocaleString('en'), unit])
console.log(
  `frame ${frame.length} bytes, repo ${RECORDS} records in ${car.length} bytes, Node ${process.version}`,
)
console.log(table.toString())
