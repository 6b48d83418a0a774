/**
 * One account's repository: applies writes, signs commits, and yields what the network sees of them. A commit's `rev`
 * is strictly greater than the one before.
 */
import { encode, toBytes } from '@atcute/cbor'
import { carHeader, carOf, cidLink, digestOf, SectionWriter, type Digest, type Slab } from './block.ts'
import type { SigningKey } from './keys.ts'
import {
  coveringNodes,
  emptyTree,
  find,
  insert,
  nodeBlock,
  remove,
  replace,
  seal,
  walkLeaves,
  walkNodes,
  type Leaf,
  type Node,
} from './mst.ts'

export type Write =
  | { readonly action: 'create' | 'update'; readonly path: string; readonly record: object }
  | { readonly action: 'delete'; readonly path: string }

export type CommitOp = {
  readonly action: Write['action']
  readonly path: string
  readonly digest: Digest | null
  readonly prev: Digest | null
}

export type Head = {
  readonly rev: string
  readonly digest: Digest
  readonly block: Uint8Array
  /** Root of the tree. */
  readonly data: Digest
}

export type RepoCommit = {
  readonly head: Head
  readonly before: Head | null
  readonly ops: readonly CommitOp[]
  /** CAR of the commit, changed nodes, records, and the nodes that prove the change. */
  readonly blocks: Uint8Array
}

/** Shared by all repositories of a network, which commit one at a time. */
const sections = new SectionWriter()

export class Repo {
  readonly did: string
  #key: SigningKey
  readonly #slab: Slab
  #root: Node = emptyTree()
  #head: Head | null = null
  #count = 0
  #streamed = true

  constructor(did: string, key: SigningKey, slab: Slab) {
    this.did = did
    this.#key = key
    this.#slab = slab
  }

  get head(): Head {
    if (this.#head === null) throw new Error('the repository has no commit yet')
    return this.#head
  }

  /** Number of records. */
  get size(): number {
    return this.#count
  }

  /** Whether every record it ever held was streamed: nothing of it needs a backfill. */
  get streamed(): boolean {
    return this.#streamed
  }

  find(path: string): Leaf | null {
    return find(this.#root, path)
  }

  leaves(): Iterable<Leaf> {
    return walkLeaves(this.#root)
  }

  rotateKey(key: SigningKey): void {
    this.#key = key
  }

  /** Applies writes as one commit. Every path must fit its action; paths are distinct. */
  commit(writes: readonly Write[], rev: string): RepoCommit {
    const before = this.#head
    sections.reset()
    const ops = writes.map((write) => this.#apply(write, rev))
    const sent = new Set<Digest>()
    const data = seal(this.#root, (digest, block) => {
      sent.add(digest)
      sections.add(digest, block)
    })
    this.#prove(ops, sent)
    const head = this.#sign(data, rev)
    this.#head = head
    return { head, before, ops, blocks: carOf(head.digest, head.block, sections.view()) }
  }

  /** Applies a write that `settle` will put into a commit of this rev, without anything to stream. */
  put(write: Write, rev: string): CommitOp {
    sections.reset()
    this.#streamed = false
    return this.#apply(write, rev)
  }

  /** Commits everything that was put. */
  settle(rev: string): void {
    this.#head = this.#sign(seal(this.#root), rev)
  }

  /** The whole repository as a CAR, in pieces of about `chunkBytes`. Consistent only if read before the next commit. */
  *export(chunkBytes = 256 * 1024): Generator<Buffer> {
    const writer = new SectionWriter()
    const { digest, block } = this.head
    yield carHeader(digest)
    writer.add(digest, block)
    for (const node of walkNodes(this.#root)) {
      writer.add(node.digest as Digest, nodeBlock(node))
      for (const leaf of node.leaves) writer.add(leaf.digest, leaf.block)
      if (writer.length < chunkBytes) continue
      yield Buffer.from(writer.view())
      writer.reset()
    }
    yield Buffer.from(writer.view())
  }

  #apply(write: Write, rev: string): CommitOp {
    const { action, path } = write
    const leaf = find(this.#root, path)
    if ((action === 'create') !== (leaf === null)) throw new Error(`cannot ${action} ${path}`)
    const prev = leaf?.digest ?? null
    if (write.action === 'delete') {
      this.#root = remove(this.#root, path)
      this.#count--
      return { action, path, digest: null, prev }
    }
    const block = this.#slab.keep(encode(write.record))
    const value = { digest: digestOf(block), block, rev }
    sections.add(value.digest, block)
    if (action === 'update') replace(this.#root, path, value)
    else {
      this.#root = insert(this.#root, { key: path, ...value })
      this.#count++
    }
    return { action, path, digest: value.digest, prev }
  }

  /** Adds the unchanged nodes that an inversion of the ops has to see. */
  #prove(ops: readonly CommitOp[], sent: Set<Digest>): void {
    for (const { path } of ops) {
      for (const node of coveringNodes(this.#root, path)) {
        const digest = node.digest as Digest
        if (sent.has(digest)) continue
        sent.add(digest)
        sections.add(digest, nodeBlock(node))
      }
    }
  }

  #sign(data: Digest, rev: string): Head {
    const unsigned = { did: this.did, rev, data: cidLink(data), prev: null, version: 3 }
    const block = encode({ ...unsigned, sig: toBytes(this.#key.sign(encode(unsigned))) })
    return { rev, digest: digestOf(block), block, data }
  }
}

/** CAR of the commit block alone, as `#sync` carries it. */
export const commitCar = ({ digest, block }: Head): Uint8Array => carOf(digest, block, NOTHING)

const NOTHING = new Uint8Array(0)
