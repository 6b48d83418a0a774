/**
 * Verification of one `#commit` by itself (spec: sync, Sync 1.1): the commit is signed by the account, and undoing its ops
 * in the partial tree it carries leads back to the tree it says it came from (`prevData`), so it hides no change. Pure.
 * Whether `prevData` and `since` continue what we know of the repo is the caller's to compare.
 */
import { CarError, readCar, type BlockMap } from './car.ts'
import { CommitError, decodeCommit, verifyCommit, type Commit } from './commit.ts'
import type { CommitMessage, RepoOp } from './message.ts'
import { MstError } from './mst.ts'
import { MstTree, TreeConflict } from './mst-tree.ts'

export type CommitFlaw =
  | 'bad_car'
  | 'bad_commit'
  | 'did_mismatch'
  | 'rev_mismatch'
  | 'bad_signature'
  /** A created or updated record's block is not in the message. */
  | 'missing_record'
  /** An op lacks the `cid` or `prev` that undoing it takes. */
  | 'incomplete_op'
  /** The new tree does not hold what an op says it did. */
  | 'op_mismatch'
  /** A tree node that undoing takes is not in the message, or malformed. */
  | 'bad_tree'
  | 'prev_data_mismatch'

export type CommitVerdict =
  | {
      readonly valid: true
      readonly commit: Commit
      /** False when the message has no `prevData` (before Sync 1.1) or is too big: only what could be checked was. */
      readonly inverted: boolean
    }
  | { readonly valid: false; readonly flaw: CommitFlaw }

/** `didKey`: the account's `#atproto` key as `did:key:…`. */
export const verifyCommitMessage = (message: CommitMessage, didKey: string): CommitVerdict => {
  try {
    const blocks = readCar(message.blocks).blocks
    const commit = decodeCommit(blocks.get(message.commit) ?? NO_BYTES)
    const flaw = findFlaw(message, commit, { blocks, didKey })
    if (flaw !== null) return { valid: false, flaw }
    return { valid: true, commit, inverted: canInvert(message) }
  } catch (error) {
    return { valid: false, flaw: flawOf(error) }
  }
}

const NO_BYTES = new Uint8Array(0)

const canInvert = ({ prevData, tooBig }: CommitMessage): boolean => prevData !== null && !tooBig

const findFlaw = (
  message: CommitMessage,
  commit: Commit,
  { blocks, didKey }: { blocks: BlockMap; didKey: string },
): CommitFlaw | null => {
  if (commit.did !== message.repo) return 'did_mismatch'
  if (commit.rev !== message.rev) return 'rev_mismatch'
  if (!verifyCommit(commit, didKey)) return 'bad_signature'
  if (message.tooBig) return null
  if (message.ops.some(({ action, cid }) => action !== 'delete' && !(cid && blocks.has(cid))))
    return 'missing_record'
  if (message.prevData === null) return null
  return undoAll(new MstTree(blocks, commit.data), message)
}

/** The order in which the proof's author had to assume it: what was deleted comes back first, each group by path. */
const undoAll = (tree: MstTree, { ops, prevData }: CommitMessage): CommitFlaw | null => {
  const ordered = ops.toSorted((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1))
  if (!ordered.every((op) => undo(tree, op))) return 'incomplete_op'
  return tree.encode().root === prevData ? null : 'prev_data_mismatch'
}

const rank = ({ action }: RepoOp): number => (action === 'delete' ? 0 : 1)

/** False when the op does not say enough. */
const undo = (tree: MstTree, { action, path, cid, prev }: RepoOp): boolean => {
  if (action === 'delete') {
    if (prev === null) return false
    tree.insert(path, prev)
  } else if (action === 'create') {
    if (cid === null) return false
    tree.remove(path, cid)
  } else {
    if (cid === null || prev === null) return false
    tree.update(path, cid, prev)
  }
  return true
}

const flawOf = (error: unknown): CommitFlaw => {
  if (error instanceof CarError) return 'bad_car'
  if (error instanceof CommitError) return 'bad_commit'
  if (error instanceof MstError) return 'bad_tree'
  if (error instanceof TreeConflict) return 'op_mismatch'
  throw error
}
