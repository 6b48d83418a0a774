/**
 * Walks a Merkle Search Tree in key order. Guarantees: a node that is missing, malformed or out of order is an error, never a
 * shorter list; hostile trees (shared or empty subtrees, endless depth) cost no more than their blocks. Node layers are not
 * recomputed here: the signature vouches for the tree, and order is what its readers rely on.
 */
import { cidTextAt, parseCid } from './cid.ts'
import type { BlockMap } from './car.ts'
import { MstError, decodeMstNode, type MstNode } from './mst-node.ts'

export { MstError, commonPrefixLength, keyHeight } from './mst-node.ts'

export type MstLeaf = {
  readonly key: string
  /** CID text of the record. */
  readonly cid: string
}

/** Yields every leaf, ascending. Throws MstError while it is iterated. */
export function* walkMst(blocks: BlockMap, rootCid: string): Generator<MstLeaf, void, undefined> {
  const root = parseCid(rootCid)
  if (root === null) throw new MstError('missing_node', `${rootCid} is no CID`)
  const find = (bytes: Uint8Array, at: number) => blocks.get(cidTextAt(bytes, at))
  for (const { key, block, valueAt } of walkLeaves(find, root)) yield { key, cid: cidTextAt(block, valueAt) }
}

/** Finds the block whose CID is the 36 bytes at `at` of `bytes`. */
export type FindBlock = (bytes: Uint8Array, at: number) => Uint8Array | undefined

export type RawLeaf = {
  readonly key: string
  /** The node the leaf is in; its value's CID is at `valueAt`. */
  readonly block: Uint8Array
  readonly valueAt: number
}

/** 256 bits of digest, two per layer. */
const MAX_DEPTH = 128

type Visit = { readonly node: MstNode; next: number }

export function* walkLeaves(find: FindBlock, root: Uint8Array): Generator<RawLeaf, void, undefined> {
  const stack: Visit[] = []
  let last = ''
  const enter = (bytes: Uint8Array, at: number) => {
    if (stack.length >= MAX_DEPTH) throw new MstError('bad_node', `deeper than ${MAX_DEPTH} layers`)
    const node = loadNode(find, bytes, at)
    // A subtree without a key could be linked from everywhere at no cost to its author.
    if (stack.length > 0 && isEmpty(node)) throw new MstError('bad_node', 'an empty subtree')
    stack.push({ node, next: 0 })
    if (node.leftAt >= 0) enter(node.block, node.leftAt)
  }
  enter(root, 0)
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const entry = top.node.entries[top.next++]
    if (entry === undefined) {
      stack.pop()
      continue
    }
    if (entry.key <= last) throw new MstError('key_order', 'keys of the tree are not ascending')
    last = entry.key
    yield { key: entry.key, block: top.node.block, valueAt: entry.valueAt }
    if (entry.treeAt >= 0) enter(top.node.block, entry.treeAt)
  }
}

export const isEmpty = (node: MstNode): boolean => node.entries.length === 0 && node.leftAt < 0

const loadNode = (find: FindBlock, bytes: Uint8Array, at: number): MstNode => {
  const block = find(bytes, at)
  if (block === undefined) throw new MstError('missing_node', `node ${cidTextAt(bytes, at)} is missing`)
  return decodeMstNode(block)
}
