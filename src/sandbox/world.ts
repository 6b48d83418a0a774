/**
 * The state of the network, without any server: accounts, their repositories and what they may refer to. It changes one
 * write at a time and tells a listener of each event. Everything is drawn from the seed; times come from the clock.
 */
import { encode } from '@atcute/cbor'
import { create as createTid } from '@atcute/tid'
import { Account, type AccountOptions } from './account.ts'
import { digestOf, Slab, type Digest } from './block.ts'
import { post as buildPost } from './content/post.ts'
import type { Builder, Draft, Pools, PostRef, Ref, Writer } from './content/draft.ts'
import { like } from './content/graph.ts'
import { drawKind, SHOWCASE } from './content/kinds.ts'
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
  /** Whether the PDS that an account has left sends a late event of it. */
  readonly staleAccountEvents: boolean
  readonly onEvent: (event: WorldEvent) => void
}

export type Counts = { create: number; update: number; delete: number }

const POOL_LIMIT = 20_000
/** Part of the records that comes from the showcase while it lasts. */
const SHOWCASE_SHARE = 0.2
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
  #showcase: Builder[] = []
  #presenter: Account | null = null
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

  get pdses(): readonly string[] {
    return this.#options.pdses
  }

  get staleAccountEvents(): boolean {
    return this.#options.staleAccountEvents
  }

  rename(account: Account, handle: string): void {
    this.forgetHandle(account)
    account.handle = handle
    this.byHandle.set(handle, account)
  }

  forgetHandle(account: Account): void {
    this.byHandle.delete(account.handle)
  }

  /** Writes `records` into the repositories as if in the thirty days before the start, without any event. */
  populate(records: number): void {
    const revOf = (account: Account): string =>
      createTid(this.#startMs * 1000 - 1_000_000, account.index % 1024)
    const spanMs = 30 * DAY_MS
    for (let i = 0; this.#created < records; i++) {
      const nowMs = Math.floor(this.#startMs - 10_000 - spanMs / (1 + i / 1_000))
      const { account, draft } = this.next(nowMs)
      const change = this.change(account, draft, nowMs)
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

  /** What `build` makes of the present network; a like, or else a post, when it finds nothing to refer to. */
  draft(account: Account, build: Builder, nowMs = this.nowMs): Draft {
    const writer: Writer = {
      random: this.random,
      account,
      nowMs,
      pools: this.pools,
      someone: () => this.someone(),
    }
    const draft = build(writer) ?? like(writer) ?? buildPost(writer)
    return draft.rkey !== undefined && this.#holds(account, draft)
      ? (like(writer) ?? buildPost(writer))
      : draft
  }

  /** The next record of the account: of the showcase while that lasts, else of the usual mixture. */
  next(nowMs = this.nowMs): { account: Account; draft: Draft } {
    const build = this.random.chance(SHOWCASE_SHARE) ? this.#showcase.shift() : undefined
    const account = build === undefined ? this.author() : (this.#presenter ?? this.author())
    return { account, draft: this.draft(account, build ?? drawKind(this.random), nowMs) }
  }

  /** Has one account write every kind of record soon. */
  present(account: Account): void {
    this.#presenter = account
    this.#showcase = [...SHOWCASE]
  }

  /** The write of a draft: an update where its key is taken; the key comes from the time unless the draft names one. */
  change(account: Account, draft: Draft, nowMs = this.nowMs): Change {
    const path = `${draft.collection}/${draft.rkey ?? account.nextTid(nowMs * 1000)}`
    const taken = draft.rkey !== undefined && account.repo.find(path) !== null
    const write = { action: taken ? 'update' : 'create', path, record: draft.record } as const
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

  /** Tells of an event, of the present unless it names another time. */
  tell(event: DistributiveOmit<WorldEvent, 'timeMs'> & { timeMs?: number }): void {
    this.#options.onEvent({ timeMs: this.nowMs, ...event })
  }

  #holds(account: Account, draft: Draft): boolean {
    const leaf = account.repo.find(`${draft.collection}/${draft.rkey}`)
    return leaf !== null && leaf.digest === digestOf(encode(draft.record))
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
