/**
 * A Merkle Search Tree that can be changed, of which some nodes may be known by CID only. Owns the canonical shape: any order
 * of the same changes ends in the same root. Touching a node that is not at hand is an MstError `missing_node`. Small trees
 * only (one commit's blocks); whole repos are walked, not built.
 */
import { cidOfBlock, cidTextAt } from './cid.ts'
import type { BlockMap } from './car.ts'
import { MstError, decodeMstNode, encodeMstNode, keyHeight } from './mst-node.ts'

/** `subtrees` has one more element than `keys`. */
type Node = {
  readonly keys: readonly string[]
  readonly values: readonly string[]
  readonly subtrees: readonly Subtree[]
}

/** Nothing, a node not looked at yet (its CID), or a node. */
type Subtree = null | string | Node

/** The tree does not hold what a change says it holds. */
export class TreeConflict extends Error {
  override readonly name = 'TreeConflict'
}

const EMPTY: Node = { keys: [], values: [], subtrees: [null] }

export class MstTree {
  readonly #blocks: BlockMap
  #root: Subtree

  /** `root` null is the empty tree. */
  constructor(blocks: BlockMap, root: string | null) {
    this.#blocks = blocks
    this.#root = root
  }

  get(key: string): string | null {
    let node = this.#load(this.#root)
    while (node !== null) {
      const i = lowerBound(node.keys, key)
      if (node.keys[i] === key) return node.values[i] ?? null
      node = this.#load(node.subtrees[i] ?? null)
    }
    return null
  }

  insert(key: string, value: string): void {
    const height = keyHeight(key)
    let root: Node = this.#load(this.#root) ?? EMPTY
    let layer = this.#layerOf(root) ?? height
    for (; layer < height; layer++) root = { keys: [], values: [], subtrees: [root] }
    this.#root = this.#insertAt(root, layer, { key, value, height })
  }

  /** Throws TreeConflict unless the key is there with that value. */
  update(key: string, from: string, to: string): void {
    this.#root = this.#updateAt(this.#load(this.#root), { key, from, to })
  }

  /** Throws TreeConflict unless the key is there with that value. */
  remove(key: string, value: string): void {
    const root = this.#load(this.#root)
    if (root === null) throw new TreeConflict(`${key} is not in the tree`)
    this.#root = this.#trimTop(this.#removeAt(root, key, value))
  }

  /** The CID of the root, and the encoded nodes that were looked at or made. */
  encode(): { root: string; nodes: BlockMap } {
    const nodes = new Map<string, Uint8Array>()
    const root = this.#root ?? EMPTY
    return { root: typeof root === 'string' ? root : writeNode(root, nodes), nodes }
  }

  #load(subtree: Subtree): Node | null {
    if (typeof subtree !== 'string') return subtree
    const block = this.#blocks.get(subtree)
    if (block === undefined) throw new MstError('missing_node', `node ${subtree} is missing`)
    const { entries, leftAt } = decodeMstNode(block)
    const link = (at: number) => (at < 0 ? null : cidTextAt(block, at))
    return {
      keys: entries.map(({ key }) => key),
      values: entries.map(({ valueAt }) => cidTextAt(block, valueAt)),
      subtrees: [link(leftAt), ...entries.map(({ treeAt }) => link(treeAt))],
    }
  }

  #layerOf({ keys, subtrees }: Node): number | null {
    if (keys[0] !== undefined) return keyHeight(keys[0])
    const child = this.#load(subtrees[0] ?? null)
    const below = child && this.#layerOf(child)
    return below === null ? null : below + 1
  }

  #insertAt(node: Node, layer: number, item: { key: string; value: string; height: number }): Node {
    const i = lowerBound(node.keys, item.key)
    if (node.keys[i] === item.key) throw new TreeConflict(`${item.key} is in the tree already`)
    const child = node.subtrees[i] ?? null
    if (layer > item.height) {
      const changed = this.#insertAt(this.#load(child) ?? EMPTY, layer - 1, item)
      return { ...node, subtrees: node.subtrees.with(i, changed) }
    }
    return {
      keys: node.keys.toSpliced(i, 0, item.key),
      values: node.values.toSpliced(i, 0, item.value),
      subtrees: node.subtrees.toSpliced(i, 1, ...this.#split(child, item.key)),
    }
  }

  #updateAt(node: Node | null, change: { key: string; from: string; to: string }): Node {
    if (node === null) throw new TreeConflict(`${change.key} is not in the tree`)
    const i = lowerBound(node.keys, change.key)
    if (node.keys[i] !== change.key) {
      const child = this.#load(node.subtrees[i] ?? null)
      return { ...node, subtrees: node.subtrees.with(i, this.#updateAt(child, change)) }
    }
    if (node.values[i] !== change.from)
      throw new TreeConflict(`${change.key} is not ${change.from} in the tree`)
    return { ...node, values: node.values.with(i, change.to) }
  }

  #split(subtree: Subtree, key: string): [Subtree, Subtree] {
    const node = this.#load(subtree)
    if (node === null) return [null, null]
    const { keys, values, subtrees } = node
    const i = lowerBound(keys, key)
    const [left, right] = this.#split(subtrees[i] ?? null, key)
    return [
      prune({
        keys: keys.slice(0, i),
        values: values.slice(0, i),
        subtrees: [...subtrees.slice(0, i), left],
      }),
      prune({ keys: keys.slice(i), values: values.slice(i), subtrees: [right, ...subtrees.slice(i + 1)] }),
    ]
  }

  #removeAt(node: Node, key: string, value: string): Subtree {
    const { keys, values, subtrees } = node
    const i = lowerBound(keys, key)
    if (keys[i] !== key) {
      const child = this.#load(subtrees[i] ?? null)
      if (child === null) throw new TreeConflict(`${key} is not in the tree`)
      return prune({ ...node, subtrees: subtrees.with(i, this.#removeAt(child, key, value)) })
    }
    if (values[i] !== value) throw new TreeConflict(`${key} is ${values[i]} in the tree, not ${value}`)
    return prune({
      keys: keys.toSpliced(i, 1),
      values: values.toSpliced(i, 1),
      subtrees: subtrees.toSpliced(i, 2, this.#merge(subtrees[i] ?? null, subtrees[i + 1] ?? null)),
    })
  }

  #merge(leftSubtree: Subtree, rightSubtree: Subtree): Subtree {
    if (leftSubtree === null) return rightSubtree
    if (rightSubtree === null) return leftSubtree
    const left = this.#load(leftSubtree) ?? EMPTY
    const right = this.#load(rightSubtree) ?? EMPTY
    const middle = this.#merge(left.subtrees.at(-1) ?? null, right.subtrees[0] ?? null)
    return {
      keys: [...left.keys, ...right.keys],
      values: [...left.values, ...right.values],
      subtrees: [...left.subtrees.slice(0, -1), middle, ...right.subtrees.slice(1)],
    }
  }

  /**
   * A root without keys gives way to its only child. A child that is not at hand is one that the change did not touch, so it
   * has been a root with keys before.
   */
  #trimTop(root: Subtree): Subtree {
    let top = root
    for (;;) {
      if (typeof top === 'string' && !this.#blocks.has(top)) return top
      const node = this.#load(top)
      if (node === null || node.keys.length > 0) return top
      top = node.subtrees[0] ?? null
    }
  }
}

/** A node with nothing in or below it is no node. */
const prune = (node: Node): Subtree => (node.keys.length === 0 && node.subtrees[0] === null ? null : node)

/** Index of the first key that is not below `key`. */
const lowerBound = (keys: readonly string[], key: string): number => {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}

const writeNode = (node: Node, nodes: Map<string, Uint8Array>): string => {
  const subtrees = node.subtrees.map((child) =>
    child === null || typeof child === 'string' ? child : writeNode(child, nodes),
  )
  const block = encodeMstNode({ keys: node.keys, values: node.values, subtrees })
  const cid = cidOfBlock(block)
  nodes.set(cid, block)
  return cid
}
