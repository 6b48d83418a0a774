/**
 * The state of the network, without any server: accounts, their repositories and what they may refer to. It changes one
 * write at a time and tells a listener of each event. Everything is drawn from the seed; times come from the clock.
 */
import { create as createTid } from '@atcute/tid'
import { Account, type AccountOptions } from './account.ts'
import { Slab, type Digest } from './block.ts'
import { post as buildPost } from './content/post.ts'
import type { Builder, Draft, Pools, PostRef, Ref, Writer } from './content/draft.ts'
import { drawKind } from './content/kinds.ts'
import { createRandom, type Random } from './random.ts'
import type { CommitOp, RepoCommit, Write } from './repo.ts'

export type WorldEvent =
  | {
      readonly kind: 'commit'
      readonly account: Account
      readonly commit: RepoCommit
      readonly blobs: readonly Digest[]
      readonly timeMs: number
    }
  | { readonly kind: 'sync'; readonly account: Account; readonly timeMs: number }
  | {
      readonly kind: 'identity'
      readonly account: Account
      readonly handle: string | null
      readonly timeMs: number
    }
  | {
      readonly kind: 'account'
      readonly account: Account
      readonly status: string | null
      readonly timeMs: number
    }

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** One write with what the network has to know of it beside the record. */
export type Change = { readonly write: Write; readonly blobs: readonly Digest[]; readonly root: Ref | null }

export type WorldOptions = {
  readonly seed: string
  readonly now: () => number
  /** Base URLs of the PDSes that accounts are spread over. */
  readonly pdses: readonly string[]
  readonly onEvent: (event: WorldEvent) => void
}

export type Counts = { create: number; update: number; delete: number }

const POOL_LIMIT = 20_000
const DAY_MS = 86_400_000

const POOL_OF: ReadonlyMap<string, Exclude<keyof Pools, 'posts'>> = new Map([
  ['app.bsky.feed.repost', 'reposts'],
  ['app.bsky.graph.list', 'lists'],
  ['app.bsky.feed.generator', 'generators'],
  ['app.bsky.graph.starterpack', 'starterPacks'],
  ['app.bsky.labeler.service', 'labelers'],
])

const collectionOf = (path: string): string => path.slice(0, path.indexOf('/'))

export class World {
  readonly accounts: Account[] = []
  readonly byDid = new Map<string, Account>()
  readonly byHandle = new Map<string, Account>()
  readonly produced = new Map<string, Counts>()
  #created = 0
  readonly random: Random
  readonly pools: Pools = {
    posts: [],
    reposts: [],
    lists: [],
    generators: [],
    starterPacks: [],
    labelers: [],
  }
  readonly #options: WorldOptions
  readonly #slab = new Slab()
  readonly #startMs: number

  constructor(options: WorldOptions) {
    this.#options = options
    this.random = createRandom(options.seed)
    this.#startMs = options.now()
  }

  /** Records ever created, those before the start included. */
  get created(): number {
    return this.#created
  }

  get nowMs(): number {
    return this.#options.now()
  }

  createAccount(fixed: Pick<AccountOptions, 'did' | 'labeler'> & { handle?: string } = {}): Account {
    const index = this.accounts.length
    const account = new Account({
      ...fixed,
      seed: this.#options.seed,
      index,
      handle: fixed.handle ?? `user${index}.test`,
      pds: this.random.pick(this.#options.pdses),
      createdAt: this.#startMs - 60 * DAY_MS,
      slab: this.#slab,
    })
    this.accounts.push(account)
    this.byDid.set(account.did, account)
    this.byHandle.set(account.handle, account)
    return account
  }

  /** Writes `records` into the repositories as if in the thirty days before the start, without any event. */
  populate(records: number): void {
    const revOf = (account: Account): string =>
      createTid(this.#startMs * 1000 - 1_000_000, account.index % 1024)
    const spanMs = 30 * DAY_MS
    for (let i = 0; i < records; i++) {
      const account = this.author()
      const nowMs = Math.floor(this.#startMs - spanMs + (i * (spanMs - 10_000)) / records)
      const change = this.change(account, this.draft(account, drawKind(this.random), nowMs), nowMs)
      this.#note(account, change, account.repo.put(change.write, revOf(account)))
    }
    for (const account of this.accounts) account.repo.settle(revOf(account))
  }

  /** An account that can write; the busy ones more often. */
  author(): Account {
    for (let attempt = 0; attempt < 100; attempt++) {
      const account = this.someone()
      if (account.active) return account
    }
    throw new Error('hardly any account of the sandbox is active')
  }

  someone(): Account {
    return this.accounts[this.random.skewed(this.accounts.length)] as Account
  }

  /** What `build` makes of the present network; a post when it finds nothing to refer to or its fixed key is taken. */
  draft(account: Account, build: Builder, nowMs = this.nowMs): Draft {
    const writer: Writer = {
      random: this.random,
      account,
      nowMs,
      pools: this.pools,
      someone: () => this.someone(),
    }
    const draft = build(writer)
    if (draft === null) return buildPost(writer)
    const taken = draft.rkey !== undefined && account.repo.find(`${draft.collection}/${draft.rkey}`) !== null
    return taken ? buildPost(writer) : draft
  }

  /** The creation of a draft, under a key drawn from the time unless it names one. */
  change(account: Account, draft: Draft, nowMs = this.nowMs): Change {
    const rkey = draft.rkey ?? account.nextTid(nowMs * 1000)
    const write = { action: 'create', path: `${draft.collection}/${rkey}`, record: draft.record } as const
    return { write, blobs: draft.blobs ?? [], root: draft.root ?? null }
  }

  /** Commits the changes together and tells of it. */
  commit(account: Account, changes: readonly Change[]): void {
    const timeMs = this.nowMs
    const rev = account.nextTid(timeMs * 1000)
    const commit = account.repo.commit(
      changes.map(({ write }) => write),
      rev,
    )
    for (const [i, op] of commit.ops.entries()) this.#note(account, changes[i] as Change, op)
    const blobs = changes.flatMap((change) => change.blobs)
    this.#options.onEvent({ kind: 'commit', account, commit, blobs, timeMs })
  }

  tell(event: DistributiveOmit<WorldEvent, 'timeMs'>): void {
    this.#options.onEvent({ ...event, timeMs: this.nowMs })
  }

  /** Counts a write and keeps in mind what later records may refer to. */
  #note(account: Account, change: Change, op: CommitOp): void {
    const collection = collectionOf(op.path)
    const rkey = op.path.slice(collection.length + 1)
    const counts = this.produced.get(collection) ?? { create: 0, update: 0, delete: 0 }
    this.produced.set(collection, counts)
    counts[op.action]++
    if (op.action === 'create') this.#created++
    if (op.action === 'delete') account.forget(collection, rkey)
    if (op.action !== 'create' || op.digest === null) return
    account.remember(collection, rkey)
    const ref = { uri: `at://${account.did}/${op.path}`, did: account.did, rkey, digest: op.digest }
    if (collection === 'app.bsky.feed.post') keep<PostRef>(this.pools.posts, { ...ref, root: change.root })
    const pool = POOL_OF.get(collection)
    if (pool !== undefined) keep<Ref>(this.pools[pool], ref)
  }
}

/** Adds to a bounded pool; what is oldest goes, in bulk. */
const keep = <T>(pool: T[], item: T): void => {
  pool.push(item)
  if (pool.length > POOL_LIMIT * 1.2) pool.splice(0, pool.length - POOL_LIMIT)
}
