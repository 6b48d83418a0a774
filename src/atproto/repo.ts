/**
 * The verified content of one repo at one rev, from the CAR that `getRepo` answers. Guarantees: before the first record is
 * handed out, every block has been hashed, the commit is the account's and signed by its key, and the tree is whole, every
 * record's block included. So a consumer never has to take back what an incomplete repo said.
 */
import { asBuffer, CarError, scanCar, type CarLimits } from './car.ts'
import { scanCarStream } from './car-stream.ts'
import { cidTextAt, parseCid } from './cid.ts'
import { BlockStore } from './block-store.ts'
import { CommitError, decodeCommit, verifyCommit, type Commit } from './commit.ts'
import { MstError, walkLeaves } from './mst.ts'
import { decodeRecord, type RecordValue } from './record.ts'
import { isNsid, isRecordKey } from './syntax.ts'

export type RepoErrorReason =
  'car' | 'too_large' | 'commit' | 'did_mismatch' | 'bad_signature' | 'mst' | 'missing_record'

/** The repo cannot be used. `cause` is the CarError, CommitError or MstError, where one led to it. */
export class RepoError extends Error {
  override readonly name = 'RepoError'
  readonly reason: RepoErrorReason

  constructor(reason: RepoErrorReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

export type RepoOptions = {
  readonly did: string
  /** `did:key:…` of the account; null skips the signature check and must be somebody's explicit wish. */
  readonly didKey: string | null
  /** Which collections to hand out. The others are checked for completeness like all, and never decoded. */
  readonly filter: (collection: string) => boolean
  readonly maxBytes: number
  readonly maxBlocks?: number | undefined
}

export type RepoRecord = {
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  readonly value: RecordValue
}

export type VerifiedRepo = {
  readonly did: string
  /** CID text of the commit block. */
  readonly commit: string
  readonly rev: string
  /** Ascending by path, decoded one at a time; may be iterated again. */
  readonly records: Iterable<RepoRecord>
  /** Keys of the whole tree, whatever the filter says. */
  readonly keys: number
  /** What the last iteration of `records` passed over. */
  readonly passed: PassedOver
}

export type PassedOver = {
  /** Not selected by the filter. */
  filtered: number
  /** Keys that are not `<nsid>/<record key>`. */
  invalid_path: number
  /** Blocks that are no record. */
  bad_record: number
}

/** Rejects with RepoError, or with whatever the source throws. */
export const verifyRepo = async (
  car: Uint8Array | AsyncIterable<Uint8Array>,
  options: RepoOptions,
): Promise<VerifiedRepo> => {
  if (car instanceof Uint8Array) return verifyRepoBytes(car, options)
  const store = new BlockStore()
  const roots = await scanCarStream(car, limitsOf(options), (bytes, cidAt, end) =>
    store.addCopy(bytes, cidAt, end),
  ).catch((error: unknown) => {
    throw asRepoError(error)
  })
  return withRepoErrors(() => verifyStore(store, roots, options))
}

/** As `verifyRepo` for a CAR in memory, which must not be changed while the result is in use. */
export const verifyRepoBytes = (car: Uint8Array, options: RepoOptions): VerifiedRepo =>
  withRepoErrors(() => {
    const store = new BlockStore()
    store.adopt(asBuffer(car))
    const roots = scanCar(car, limitsOf(options), (cidAt, end) => store.addAt(cidAt, end))
    return verifyStore(store, roots, options)
  })

const limitsOf = ({ maxBytes, maxBlocks = Infinity }: RepoOptions): CarLimits => ({ maxBytes, maxBlocks })

const verifyStore = (store: BlockStore, roots: readonly string[], options: RepoOptions): VerifiedRepo => {
  const { commitCid, commit } = readCommit(store, roots)
  if (commit.did !== options.did) {
    throw new RepoError('did_mismatch', `the commit is of ${commit.did}, not of ${options.did}`)
  }
  if (options.didKey !== null && !verifyCommit(commit, options.didKey)) {
    throw new RepoError('bad_signature', `the commit of ${commit.did} is not signed by ${options.didKey}`)
  }
  const tree: Tree = { store, root: rootOf(commit) }
  const keys = checkTree(tree)
  const passed = { filtered: 0, invalid_path: 0, bad_record: 0 }
  const records = { [Symbol.iterator]: () => readRecords(tree, options.filter, passed) }
  return { did: commit.did, commit: commitCid, rev: commit.rev, records, keys, passed }
}

const readCommit = (store: BlockStore, roots: readonly string[]): { commitCid: string; commit: Commit } => {
  const commitCid = roots[0]
  const cid = commitCid === undefined ? null : parseCid(commitCid)
  const block = cid === null ? undefined : store.get(cid, 0)
  if (commitCid === undefined || block === undefined)
    throw new RepoError('commit', 'the CAR does not hold its root')
  return { commitCid, commit: decodeCommit(block) }
}

type Tree = { readonly store: BlockStore; readonly root: Uint8Array }

const rootOf = ({ data }: Commit): Uint8Array => {
  const root = parseCid(data)
  if (root === null) throw new RepoError('commit', 'the commit names no tree')
  return root
}

const leavesOf = ({ store, root }: Tree) => walkLeaves((bytes, at) => store.get(bytes, at), root)

/** Walks the whole tree once; returns its number of keys. */
const checkTree = (tree: Tree): number => {
  let keys = 0
  for (const { key, block, valueAt } of leavesOf(tree)) {
    if (!tree.store.has(block, valueAt))
      throw new RepoError('missing_record', `the block of ${key} is missing`)
    keys++
  }
  return keys
}

function* readRecords(
  tree: Tree,
  filter: (collection: string) => boolean,
  passed: PassedOver,
): Generator<RepoRecord, void, undefined> {
  Object.assign(passed, { filtered: 0, invalid_path: 0, bad_record: 0 })
  const select = selector(filter)
  for (const { key, block, valueAt } of leavesOf(tree)) {
    const path = select(key)
    if (typeof path === 'string') {
      passed[path]++
      continue
    }
    const value = decodeRecord(tree.store.get(block, valueAt) ?? NO_BYTES)
    if (value === null) passed.bad_record++
    else yield { ...path, cid: cidTextAt(block, valueAt), value }
  }
}

const NO_BYTES = new Uint8Array(0)

type Path = { readonly collection: string; readonly rkey: string }

/** Keys come sorted, so a collection is judged once for its whole run. */
const selector = (filter: (collection: string) => boolean) => {
  let collection = ''
  let verdict: 'filtered' | 'invalid_path' | 'selected' = 'invalid_path'
  return (key: string): Path | 'filtered' | 'invalid_path' => {
    const slash = key.indexOf('/')
    if (slash !== collection.length || !key.startsWith(collection)) {
      collection = slash < 0 ? '' : key.slice(0, slash)
      verdict = !isNsid(collection) ? 'invalid_path' : filter(collection) ? 'selected' : 'filtered'
    }
    if (verdict !== 'selected') return verdict
    const rkey = key.slice(slash + 1)
    return isRecordKey(rkey) ? { collection, rkey } : 'invalid_path'
  }
}

const withRepoErrors = <T>(verify: () => T): T => {
  try {
    return verify()
  } catch (error) {
    throw asRepoError(error)
  }
}

const asRepoError = (error: unknown): unknown => {
  if (error instanceof CarError) {
    return new RepoError(
      error.reason === 'too_large' ? 'too_large' : 'car',
      `${error.reason}: ${error.message}`,
      error,
    )
  }
  if (error instanceof CommitError) return new RepoError('commit', error.message, error)
  if (error instanceof MstError) return new RepoError('mst', `${error.reason}: ${error.message}`, error)
  return error
}
