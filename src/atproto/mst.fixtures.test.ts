import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../../test/harness/services.ts'
import { MstError, commonPrefixLength, keyHeight, walkMst } from './mst.ts'
import { MstTree } from './mst-tree.ts'
import { fixtureJson, fixtureLines } from '../../test/atproto/fixtures.ts'

const LEAF = 'bafyreie5cvv4h45feadgeuwhbcutmh6t2ceseocckahdoe6uat64zmz454'
const NONE = new Map<string, Uint8Array>()

const treeOf = (keys: readonly string[]): MstTree => {
  const tree = new MstTree(NONE, null)
  for (const key of keys) tree.insert(key, LEAF)
  return tree
}

test('keys live at the heights the interop file says', needs('fixtures'), () => {
  for (const { key, height } of fixtureJson('interop/mst/key_heights.json') as {
    key: string
    height: number
  }[]) {
    assert.equal(keyHeight(key), height, key)
  }
})

test('common prefixes have the lengths the interop file says', needs('fixtures'), () => {
  const cases = fixtureJson('interop/mst/common_prefix.json') as {
    left: string
    right: string
    len: number
  }[]
  const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1')
  for (const { left, right, len } of cases) {
    assert.equal(commonPrefixLength(bytes(left), bytes(right)), len, `${left} ${right}`)
  }
})

test('the example keys make one tree, whatever the order they come in', needs('fixtures'), () => {
  const keys = fixtureLines('interop/mst/example_keys.txt')
  const { root, nodes } = treeOf(keys).encode()
  assert.equal(treeOf(keys.toReversed()).encode().root, root)
  assert.deepEqual(
    [...walkMst(nodes, root)].map(({ key }) => key),
    keys.toSorted(),
  )
  const heights = keys.map(keyHeight)
  // The letter names the neighbourhood, the digit the height.
  assert.deepEqual(
    heights,
    keys.map((key) => Number(key[1])),
  )
})

test('a walk over a tree that lacks any one of its nodes is an error', needs('fixtures'), () => {
  const { root, nodes } = treeOf(fixtureLines('interop/mst/example_keys.txt')).encode()
  for (const cid of nodes.keys()) {
    const without = new Map(nodes)
    without.delete(cid)
    assert.throws(
      () => [...walkMst(without, root)],
      (error) => error instanceof MstError && error.reason === 'missing_node',
    )
  }
})

type Proof = {
  comment: string
  leafValue: string
  keys: string[]
  adds: string[]
  dels: string[]
  rootBeforeCommit: string
  rootAfterCommit: string
  blocksInProof: string[]
}

test('the blocks of a commit proof are enough to undo its operations', needs('fixtures'), () => {
  const proofs = fixtureJson('interop/firehose/commit-proof-fixtures.json') as Proof[]
  assert.equal(proofs.length, 6)
  for (const { comment, keys, adds, dels, blocksInProof, ...roots } of proofs) {
    const tree = treeOf(keys)
    assert.equal(tree.encode().root, roots.rootBeforeCommit, comment)
    for (const key of adds) tree.insert(key, LEAF)
    for (const key of dels) tree.remove(key, LEAF)
    const after = tree.encode()
    assert.equal(after.root, roots.rootAfterCommit, comment)
    const proof = new Map([...after.nodes].filter(([cid]) => blocksInProof.includes(cid)))
    assert.equal(proof.size, blocksInProof.length, comment)
    const partial = new MstTree(proof, after.root)
    for (const key of dels) partial.insert(key, LEAF)
    for (const key of adds) partial.remove(key, LEAF)
    assert.equal(partial.encode().root, roots.rootBeforeCommit, comment)
  }
})
