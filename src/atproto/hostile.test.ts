/** Properties over hostile bytes: every reader answers with a value, a drop or its own error, and never hangs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CidLinkWrapper, encode, toBytes } from '@atcute/cbor'
import fc from 'fast-check'
import { encodeFrame, link } from '../../test/atproto/atproto-json.ts'
import { CarError, readCar, selectBlocks } from './car.ts'
import { readCarStream } from './car-stream.ts'
import { cidOfBlock, cidTextAt, parseCid } from './cid.ts'
import { CommitError, decodeCommit } from './commit.ts'
import { verifySignature } from './crypto.ts'
import { didKeyOf, formatDidKey, parseDidKey } from './did-key.ts'
import { parseDidDocument } from './did-document.ts'
import { decodeFrame } from './frame.ts'
import { parseLabelMessage, parseRepoMessage } from './message.ts'
import { MstError, walkMst } from './mst.ts'
import { decodeMstNode, encodeMstNode } from './mst-node.ts'
import { MstTree } from './mst-tree.ts'
import { decodeRecord } from './record.ts'
import { RepoError, verifyRepo, verifyRepoBytes } from './repo.ts'

const DID = 'did:plc:44ybard66vv44zksje25o7dz'

/** A whole small repo, its commit unsigned: tree, records and CAR are real. */
const buildRepo = (count: number) => {
  const records = new Map<string, Uint8Array>()
  const tree = new MstTree(new Map(), null)
  for (let i = 0; i < count; i++) {
    const block = encode({ $type: 'app.bsky.feed.post', text: `post ${i}` })
    records.set(cidOfBlock(block), block)
    tree.insert(`app.bsky.feed.post/${String(i).padStart(4, '0')}`, cidOfBlock(block))
  }
  const { root, nodes } = tree.encode()
  const commit = encode({
    did: DID,
    version: 3,
    data: link(root),
    rev: '3llpyftdf4h2r',
    prev: null,
    sig: toBytes(Buffer.alloc(64)),
  })
  return { root, nodes, car: buildCar(cidOfBlock(commit), [commit, ...nodes.values(), ...records.values()]) }
}

const varint = (value: number): Buffer =>
  value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, ...varint(value >> 7)])

const section = (bytes: Uint8Array): Buffer => Buffer.concat([varint(bytes.length), bytes])

const buildCar = (root: string, blocks: readonly Uint8Array[]): Buffer =>
  Buffer.concat([
    section(encode({ roots: [link(root)], version: 1 })),
    ...blocks.map((block) => section(Buffer.concat([parseCid(cidOfBlock(block)) ?? Buffer.alloc(0), block]))),
  ])

const repo = buildRepo(60)
const commitBody = {
  seq: 7,
  time: '2025-04-01T04:01:32.384Z',
  repo: DID,
  commit: link(repo.root),
  rev: '3llpyftdf4h2r',
  since: null,
  blocks: toBytes(repo.car),
  ops: [{ action: 'create', path: 'app.bsky.feed.post/0001', cid: link(repo.root) }],
}
const frame = encodeFrame({ op: 1, t: '#commit' }, commitBody)

/** The bytes with a few places overwritten, removed or doubled. */
const mutationsOf = (bytes: Uint8Array): fc.Arbitrary<Uint8Array> => {
  const edit = fc.record({
    at: fc.nat(bytes.length - 1),
    byte: fc.nat(255),
    kind: fc.constantFrom('set', 'set', 'flip', 'cut', 'double'),
  })
  return fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
    let result: Uint8Array = Buffer.from(bytes)
    for (const { at, byte, kind } of edits) {
      if (kind === 'cut') result = result.subarray(0, at)
      else if (kind === 'double') result = Buffer.concat([result.subarray(0, at), result.subarray(at / 2)])
      else if (at < result.length) result[at] = kind === 'set' ? byte : (result[at] ?? 0) ^ (1 << (byte & 7))
    }
    return result
  })
}

const hostile = (bytes: Uint8Array) =>
  fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    { weight: 3, arbitrary: mutationsOf(bytes) },
  )

type ErrorClass = abstract new (...args: never[]) => Error

const onlyThrows = (read: () => unknown, ...allowed: readonly ErrorClass[]): void => {
  try {
    read()
  } catch (error) {
    assert.ok(
      allowed.some((kind) => error instanceof kind),
      `${String(error)}`,
    )
  }
}

test('no bytes make a frame or message reader throw', () => {
  fc.assert(
    fc.property(hostile(frame), (bytes) => {
      const decoded = decodeFrame(bytes)
      if ('drop' in decoded || decoded.kind === 'error') return
      const message = parseRepoMessage(decoded)
      parseLabelMessage(decoded)
      if ('drop' in message || message.type !== 'commit') return
      const wanted = new Set(message.ops.map(({ cid }) => cid ?? ''))
      onlyThrows(() => selectBlocks(message.blocks, wanted), CarError)
    }),
    { numRuns: 3000 },
  )
})

test('no CAR makes its readers throw anything but CarError or RepoError', () => {
  const options = { did: DID, didKey: null, filter: () => true, maxBytes: 1_000_000 }
  onlyThrows(() => assert.equal(verifyRepoBytes(repo.car, options).keys, 60))
  fc.assert(
    fc.property(hostile(repo.car), (bytes) => {
      onlyThrows(() => readCar(bytes), CarError)
      onlyThrows(() => [...verifyRepoBytes(bytes, options).records], RepoError)
    }),
    { numRuns: 1500 },
  )
})

test('a CAR in pieces is judged as the whole is', async () => {
  const options = { did: DID, didKey: null, filter: () => true, maxBytes: 1_000_000 }
  const outcome = async (read: () => unknown) => {
    try {
      return await read()
    } catch (error) {
      assert.ok(error instanceof RepoError || error instanceof CarError, String(error))
      return error.reason
    }
  }
  async function* pieces(bytes: Uint8Array, size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  await fc.assert(
    fc.asyncProperty(hostile(repo.car), fc.integer({ min: 1, max: 2000 }), async (bytes, size) => {
      assert.deepEqual(
        await outcome(async () => (await verifyRepo(pieces(bytes, size), options)).keys),
        await outcome(() => verifyRepoBytes(bytes, options).keys),
      )
      await outcome(() => readCarStream(pieces(bytes, size)))
    }),
    { numRuns: 300 },
  )
})

test('no tree node makes a walk throw anything but MstError, nor go on for ever', () => {
  const [rootBlock] = [...repo.nodes].filter(([cid]) => cid === repo.root).map(([, block]) => block)
  assert.ok(rootBlock)
  fc.assert(
    fc.property(hostile(rootBlock), (bytes) => {
      const blocks = new Map([...repo.nodes, [repo.root, bytes]])
      onlyThrows(() => [...walkMst(blocks, repo.root)], MstError)
    }),
    { numRuns: 2000 },
  )
})

test('the strict node reader and the encoder are inverse', () => {
  for (const block of repo.nodes.values()) {
    const { entries, leftAt } = decodeMstNode(block)
    const cid = (at: number) => (at < 0 ? null : cidTextAt(block, at))
    const again = encodeMstNode({
      keys: entries.map(({ key }) => key),
      values: entries.map(({ valueAt }) => cid(valueAt) ?? ''),
      subtrees: [cid(leftAt), ...entries.map(({ treeAt }) => cid(treeAt))],
    })
    assert.deepEqual(Buffer.from(again), Buffer.from(block))
  }
})

test('trees that are endless, empty or share their parts are refused at once', () => {
  const blocks = new Map<string, Uint8Array>()
  const add = (parts: Parameters<typeof encodeMstNode>[0]): string => {
    const block = encodeMstNode(parts)
    blocks.set(cidOfBlock(block), block)
    return cidOfBlock(block)
  }
  const empty = add({ keys: [], values: [], subtrees: [null] })
  const leaf = add({ keys: ['b'], values: [empty], subtrees: [null, null] })
  const shared = add({ keys: ['a', 'c'], values: [leaf, leaf], subtrees: [null, leaf, leaf] })
  let deep = leaf
  for (let i = 0; i < 200; i++) deep = add({ keys: [], values: [], subtrees: [deep] })
  const walk = (root: string) => () => [...walkMst(blocks, root)]
  assert.deepEqual(walk(empty)(), [])
  assert.throws(walk(add({ keys: [], values: [], subtrees: [empty] })), {
    name: 'MstError',
    reason: 'bad_node',
  })
  assert.throws(walk(shared), { name: 'MstError', reason: 'key_order' })
  assert.throws(walk(deep), { name: 'MstError', reason: 'bad_node' })
})

test('any keys in any order, some taken out again, make the same tree', () => {
  const cid = cidOfBlock(encode({}))
  const key = fc.integer({ min: 0, max: 5000 }).map((n) => `app.bsky.feed.like/${n.toString(36)}`)
  const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(keys, fc.nat(), fc.nat(), (names, rotate, kept) => {
      const keep = names.slice(0, 1 + (kept % names.length))
      const straight = new MstTree(new Map(), null)
      for (const name of keep) straight.insert(name, cid)
      const detour = new MstTree(new Map(), null)
      const from = rotate % names.length
      for (const name of [...names.slice(from), ...names.slice(0, from)]) detour.insert(name, cid)
      for (const name of names.slice(keep.length)) detour.remove(name, cid)
      assert.equal(detour.encode().root, straight.encode().root)
    }),
    { numRuns: 200 },
  )
})

test('no block makes the commit or record reader throw anything else', () => {
  const block = encode({
    did: DID,
    version: 3,
    data: link(repo.root),
    rev: '3llpyftdf4h2r',
    prev: null,
    sig: toBytes(Buffer.alloc(64)),
  })
  fc.assert(
    fc.property(hostile(block), (bytes) => {
      onlyThrows(() => decodeCommit(bytes), CommitError)
      const record = decodeRecord(bytes)
      if (record !== null) JSON.stringify(record)
    }),
    { numRuns: 3000 },
  )
})

test('a record that nests deeper than any reader can go is no record', () => {
  const nested = (depth: number) =>
    Buffer.concat([Buffer.from('a16161', 'hex'), Buffer.alloc(depth, 0x81), Buffer.from([0xf6])])
  assert.ok(decodeRecord(nested(50)) !== null)
  assert.equal(decodeRecord(nested(200)), null)
  assert.equal(decodeRecord(nested(1_000_000)), null)
  assert.ok(decodeRecord(encode({ buf: 1, bytes: 2 })) !== null)
  assert.equal(decodeRecord(encode(toBytes(Buffer.from('x')))), null)
  assert.equal(decodeRecord(encode(new CidLinkWrapper(parseCid(repo.root) ?? Buffer.alloc(36)))), null)
})

test('CIDs and keys survive their text form, and no text makes their readers throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
      const cid = Buffer.concat([Buffer.from([1, 0x71, 0x12, 32]), digest])
      assert.deepEqual(parseCid(cidTextAt(cid, 0)), cid)
      assert.equal(cidTextAt(cid, 0), new CidLinkWrapper(cid).$link)
    }),
  )
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), fc.uint8Array({ maxLength: 70 }), (text, sig) => {
      parseCid(`b${text}`)
      const key = parseDidKey(`did:key:z${text}`)
      if (key !== null) formatDidKey(key)
      didKeyOf('Multikey', text)
      assert.equal(verifySignature(text, sig, sig), false)
      parseDidDocument(
        DID,
        { id: DID, alsoKnownAs: text, service: [text], verificationMethod: { text } },
        { allowHttp: false },
      )
    }),
  )
})
