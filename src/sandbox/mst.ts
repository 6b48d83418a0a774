/**
 * A repository's Merkle search tree, changed in place: an insert or delete touches the nodes of one path, and `seal` hashes
 * only what was touched. Owns the shape and the node encoding (atproto repository spec); knows nothing of records.
 */
import { hash } from 'node:crypto'
import { CID_BYTES, digestOf, writeCid, type Digest } from './block.ts'

export type Leaf = {
  readonly key: string
  /** Hash of the record block. */
  digest: Digest
  block: Uint8Array
  /** Rev of the commit that wrote this value. */
  rev: string
}

export type Node = {
  readonly layer: number
  readonly leaves: Leaf[]
  /** One more than leaves: what lies before, between and after them. */
  readonly trees: (Node | null)[]
  /** Hash of the encoded node; null while it has unsealed changes. */
  digest: Digest | null
}

/** Told of a node's bytes, which are only valid during the call. */
export type NodeSink = (digest: Digest, block: Uint8Array) => void

const createNode = (layer: number, leaves: Leaf[], trees: (Node | null)[]): Node => ({
  layer,
  leaves,
  trees,
  digest: null,
})

export const emptyTree = (): Node => createNode(0, [], [null])

/** Layer of a key: pairs of leading zero bits of its SHA-256. */
export const keyLayer = (key: string): number => {
  const digest = hash('sha256', key, 'binary')
  let layer = 0
  for (let i = 0; i < digest.length; i++) {
    const byte = digest.charCodeAt(i)
    if (byte === 0) {
      layer += 4
      continue
    }
    return layer + ((Math.clz32(byte) - 24) >> 1)
  }
  return layer
}

/** Number of the node's leaves whose key is below `key`: where `key` is or belongs. */
const position = (node: Node, key: string): number => {
  let low = 0
  let high = node.leaves.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((node.leaves[middle] as Leaf).key < key) low = middle + 1
    else high = middle
  }
  return low
}

const childAt = (node: Node, index: number): Node | null => node.trees[index] ?? null

export const find = (root: Node, key: string): Leaf | null => {
  for (let node: Node | null = root; node !== null;) {
    const at = position(node, key)
    const leaf: Leaf | undefined = node.leaves[at]
    if (leaf?.key === key) return leaf
    node = childAt(node, at)
  }
  return null
}

type Halves = readonly [Node | null, Node | null]

/** Parts a subtree that does not hold `key` into what lies before and after it. */
const split = (node: Node | null, key: string): Halves => {
  if (node === null) return [null, null]
  const at = position(node, key)
  const [left, right] = split(childAt(node, at), key)
  if (at === node.leaves.length && right === null)
    return [left === childAt(node, at) ? node : rebuilt(node, at, left), null]
  if (at === 0 && left === null) return [null, right === childAt(node, 0) ? node : rebuilt(node, 0, right)]
  const before = createNode(node.layer, node.leaves.slice(0, at), [...node.trees.slice(0, at), left])
  const after = createNode(node.layer, node.leaves.slice(at), [right, ...node.trees.slice(at + 1)])
  return [
    before.leaves.length === 0 && left === null ? null : before,
    after.leaves.length === 0 && right === null ? null : after,
  ]
}

const rebuilt = (node: Node, at: number, child: Node | null): Node => {
  node.trees[at] = child
  node.digest = null
  return node
}

/** Joins two neighbouring subtrees of one layer. */
const merge = (left: Node | null, right: Node | null): Node | null => {
  if (left === null) return right
  if (right === null) return left
  const seam = merge(left.trees.at(-1) ?? null, right.trees[0] ?? null)
  return createNode(
    left.layer,
    [...left.leaves, ...right.leaves],
    [...left.trees.slice(0, -1), seam, ...right.trees.slice(1)],
  )
}

/** Puts nodes without leaves above a subtree until it stands at `layer`: the encoding skips no layer. */
const raise = (node: Node | null, layer: number): Node | null => {
  let top = node
  while (top !== null && top.layer < layer) top = createNode(top.layer + 1, [], [top])
  return top
}

const insertBelow = (node: Node, leaf: Leaf, layer: number): void => {
  node.digest = null
  const at = position(node, leaf.key)
  if (node.layer === layer) {
    const halves = split(childAt(node, at), leaf.key)
    node.leaves.splice(at, 0, leaf)
    node.trees.splice(at, 1, ...halves)
    return
  }
  const child = childAt(node, at) ?? createNode(node.layer - 1, [], [null])
  node.trees[at] = child
  insertBelow(child, leaf, layer)
}

/** Adds a leaf whose key is absent; resolves to the tree's new root. */
export const insert = (root: Node, leaf: Leaf): Node => {
  const layer = keyLayer(leaf.key)
  if (layer <= root.layer) {
    insertBelow(root, leaf, layer)
    return root
  }
  const [left, right] = split(root.leaves.length === 0 && childAt(root, 0) === null ? null : root, leaf.key)
  return createNode(layer, [leaf], [raise(left, layer - 1), raise(right, layer - 1)])
}

/** Whether the key was there. Leaves nodes without content behind in their parent as null. */
const removeBelow = (node: Node, key: string): boolean => {
  const at = position(node, key)
  if (node.leaves[at]?.key === key) {
    const seam = merge(childAt(node, at), childAt(node, at + 1))
    node.leaves.splice(at, 1)
    node.trees.splice(at, 2, seam)
    node.digest = null
    return true
  }
  const child = childAt(node, at)
  if (child === null || !removeBelow(child, key)) return false
  if (child.leaves.length === 0 && childAt(child, 0) === null) node.trees[at] = null
  node.digest = null
  return true
}

/** Removes a key; an absent one changes nothing. The result is the tree's new root. */
export const remove = (root: Node, key: string): Node => {
  removeBelow(root, key)
  let top = root
  while (top.leaves.length === 0) {
    const only = childAt(top, 0)
    if (only === null) return emptyTree()
    top = only
  }
  return top
}

/** Replaces the value of a key that is there. */
export const replace = (root: Node, key: string, value: Omit<Leaf, 'key'>): void => {
  let node: Node | null = root
  while (node !== null) {
    node.digest = null
    const at = position(node, key)
    const leaf: Leaf | undefined = node.leaves[at]
    if (leaf?.key === key) {
      leaf.digest = value.digest
      leaf.block = value.block
      leaf.rev = value.rev
      return
    }
    node = childAt(node, at)
  }
}

let scratch = Buffer.allocUnsafeSlow(64 * 1024)

const sharedPrefix = (a: string, b: string): number => {
  const limit = Math.min(a.length, b.length)
  let at = 0
  while (at < limit && a.charCodeAt(at) === b.charCodeAt(at)) at++
  return at
}

/** A CBOR head: the short forms of major type and length. */
const writeHead = (start: number, major: number, value: number): number => {
  let at = start
  if (value < 24) scratch[at++] = major | value
  else if (value < 256) {
    scratch[at++] = major | 24
    scratch[at++] = value
  } else {
    scratch[at++] = major | 25
    at = scratch.writeUInt16BE(value, at)
  }
  return at
}

const LINK_HEAD = '\xd8\x2a\x58\x25\x00'
const LINK_BYTES = LINK_HEAD.length + CID_BYTES

const writeLink = (at: number, digest: Digest): number => {
  scratch.write(LINK_HEAD, at, 'latin1')
  writeCid(scratch, at + LINK_HEAD.length, digest)
  return at + LINK_BYTES
}

const writeTree = (at: number, tree: Node | null): number => {
  if (tree === null) {
    scratch[at] = 0xf6
    return at + 1
  }
  if (tree.digest === null) throw new Error('a node was encoded before its child')
  return writeLink(at, tree.digest)
}

/** Longest key of an atproto path is far below this; the rest of an entry has a fixed bound. */
const MAX_ENTRY_BYTES = 1024

/** `{e: [{k, p, t, v}], l}` with the keys prefix-compressed. The result is valid until the next call. */
const encodeNode = (node: Node): Uint8Array => {
  const bound = (node.leaves.length + 1) * MAX_ENTRY_BYTES
  if (scratch.length < bound) scratch = Buffer.allocUnsafeSlow(bound)
  let at = scratch.write('\xa2ae', 0, 'latin1')
  at = writeHead(at, 0x80, node.leaves.length)
  let previous = ''
  for (let i = 0; i < node.leaves.length; i++) {
    const { key, digest } = node.leaves[i] as Leaf
    const prefix = sharedPrefix(previous, key)
    at += scratch.write('\xa4ak', at, 'latin1')
    at = writeHead(at, 0x40, key.length - prefix)
    at += scratch.write(prefix === 0 ? key : key.slice(prefix), at, 'latin1')
    at += scratch.write('ap', at, 'latin1')
    at = writeHead(at, 0x00, prefix)
    at += scratch.write('at', at, 'latin1')
    at = writeTree(at, childAt(node, i + 1))
    at += scratch.write('av', at, 'latin1')
    at = writeLink(at, digest)
    previous = key
  }
  at += scratch.write('al', at, 'latin1')
  at = writeTree(at, childAt(node, 0))
  return scratch.subarray(0, at)
}

/** Hashes every changed node, deepest first, and tells `sink` of each. The result is the tree's hash. */
export const seal = (node: Node, sink?: NodeSink): Digest => {
  if (node.digest !== null) return node.digest
  for (const tree of node.trees) if (tree?.digest === null) seal(tree, sink)
  const block = encodeNode(node)
  node.digest = digestOf(block)
  sink?.(node.digest, block)
  return node.digest
}

/** The bytes of a sealed node; valid until the next call. */
export const nodeBlock = (node: Node): Uint8Array => encodeNode(node)

export function* walkLeaves(node: Node): Generator<Leaf> {
  for (let i = 0; i < node.trees.length; i++) {
    const tree = childAt(node, i)
    if (tree !== null) yield* walkLeaves(tree)
    const leaf = node.leaves[i]
    if (leaf !== undefined) yield leaf
  }
}

export function* walkNodes(node: Node): Generator<Node> {
  yield node
  for (const tree of node.trees) if (tree !== null) yield* walkNodes(tree)
}

/**
 * The nodes a reader needs to undo a change of `key`: its path, and the edges of the subtrees beside it, which an
 * inversion has to part or join again (Sync 1.1, "covering proof").
 */
export const coveringNodes = (root: Node, key: string): Node[] => {
  const nodes: Node[] = []
  for (let node: Node | null = root; node !== null;) {
    nodes.push(node)
    const at = position(node, key)
    const found = node.leaves[at]?.key === key
    if (found) {
      for (let edge = childAt(node, at); edge !== null; edge = edge.trees.at(-1) ?? null) nodes.push(edge)
      for (let edge = childAt(node, at + 1); edge !== null; edge = childAt(edge, 0)) nodes.push(edge)
      break
    }
    node = childAt(node, at)
  }
  return nodes
}
