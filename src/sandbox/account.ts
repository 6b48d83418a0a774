/**
 * One account of the network: identity, hosting status, repository, and the memory of what it wrote from which updates and
 * deletes are drawn.
 */
import { create as createTid } from '@atcute/tid'
import type { Slab } from './block.ts'
import { deriveKey, type SigningKey } from './keys.ts'
import { operationCid, plcDid, plcOperation, plcTombstone, type IdentityFacts, type PlcEntry } from './plc.ts'
import { Repo } from './repo.ts'

export type AccountStatus = 'deactivated' | 'takendown' | 'suspended' | 'deleted'

/** How many own records of a collection an account remembers. */
const MEMORY = 64

export type AccountOptions = {
  readonly seed: string
  readonly index: number
  readonly handle: string
  /** Base URL of its PDS. */
  readonly pds: string
  /** Time of the genesis operation, milliseconds. */
  readonly createdAt: number
  readonly slab: Slab
  /** A fixed DID (did:web) in place of one from a genesis operation. */
  readonly did?: string
  readonly labeler?: { readonly endpoint: string; readonly key: string }
}

/** What a genesis operation says: nothing that depends on ports, and so nothing that makes a DID depend on them. */
const portless = (facts: IdentityFacts): IdentityFacts => ({
  ...facts,
  pds: 'https://pds.sandbox.test',
  ...(facts.labeler === undefined
    ? {}
    : { labeler: { ...facts.labeler, endpoint: 'https://labeler.sandbox.test' } }),
})

export class Account {
  readonly did: string
  readonly index: number
  readonly repo: Repo
  readonly key: SigningKey
  readonly createdAt: number
  readonly #rotation: SigningKey
  readonly #log: PlcEntry[] = []
  readonly #memory = new Map<string, string[]>()
  readonly #labeler: AccountOptions['labeler']
  readonly #clockId: number
  #lastMicros = 0
  handle: string
  pds: string
  /** PDSes that it has left. */
  readonly formerPdses: string[] = []
  status: AccountStatus | null = null

  constructor(options: AccountOptions) {
    const { seed, index, handle, pds, createdAt } = options
    this.index = index
    this.handle = handle
    this.createdAt = createdAt
    this.#labeler = options.labeler
    this.#clockId = index % 1024
    this.key = deriveKey(index % 8 === 3 ? 'p256' : 'k256', `${seed}/account/${index}`)
    this.#rotation = deriveKey('k256', `${seed}/rotation/${index}`)
    this.pds = pds
    const genesis = plcOperation(portless(this.facts()), this.#rotation, null)
    this.did = options.did ?? plcDid(genesis)
    this.#append(genesis, createdAt)
    this.repo = new Repo(this.did, this.key, options.slab)
  }

  get active(): boolean {
    return this.status === null
  }

  facts(): IdentityFacts {
    return {
      handle: this.handle,
      signingKey: this.key.didKey,
      pds: this.pds,
      ...(this.#labeler === undefined ? {} : { labeler: this.#labeler }),
    }
  }

  /** A labeler: the network needs it. */
  get isService(): boolean {
    return this.#labeler !== undefined
  }

  get rotation(): SigningKey {
    return this.#rotation
  }

  /** Its PLC operations, oldest first; the loopback host is entered when somebody asks. */
  log(): readonly PlcEntry[] {
    if (this.#log.length === 1) this.publish(this.createdAt)
    return this.#log
  }

  /** Enters the present identity into the PLC log. */
  publish(nowMs: number): void {
    this.#append(plcOperation(this.facts(), this.#rotation, this.#lastOperation()), nowMs)
  }

  tombstone(nowMs: number): void {
    this.#append(plcTombstone(this.#rotation, this.#lastOperation()), nowMs)
  }

  /** A TID of the present, strictly greater than any before from this account. */
  nextTid(nowMicros: number): string {
    this.#lastMicros = Math.max(nowMicros, this.#lastMicros + 1)
    return createTid(this.#lastMicros, this.#clockId)
  }

  remember(collection: string, rkey: string): void {
    const known = this.#memory.get(collection)
    if (known === undefined) this.#memory.set(collection, [rkey])
    else if (known.push(rkey) > MEMORY) known.shift()
  }

  forget(collection: string, rkey: string): void {
    const known = this.#memory.get(collection) ?? []
    const at = known.indexOf(rkey)
    if (at >= 0) known.splice(at, 1)
  }

  /** Record keys of the collection that it wrote last and still holds. */
  remembered(collection: string): readonly string[] {
    return this.#memory.get(collection) ?? []
  }

  #lastOperation(): string {
    return (this.#log.at(-1) as PlcEntry).cid
  }

  #append(operation: PlcEntry['operation'], nowMs: number): void {
    const createdAt = new Date(nowMs).toISOString()
    this.#log.push({ did: this.did, operation, cid: operationCid(operation), nullified: false, createdAt })
  }
}
