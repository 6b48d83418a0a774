/**
 * An account on the real PDS, writing through the API as an app would. Every write is followed by `settle`, so that all who
 * listen see one event at a time: only then does the reference make the same rows of the same events every time.
 */
import { post, type Fields, type Headers } from '../xrpc.ts'

export type Ref = { readonly uri: string; readonly cid: string }
export type Blob = Fields
export type Scene = { readonly pds: string; readonly admin: Headers; readonly settle: () => Promise<void> }

type Session = { readonly did: string; readonly accessJwt: string }
type PutOptions = {
  readonly rkey?: string
  /** False lets pass what the lexicons forbid, and leaves duplicates as they are. */
  readonly validate?: false
}

const PASSWORD = 'correct horse battery staple'

export const rkeyOf = ({ uri }: Pick<Ref, 'uri'>): string => uri.split('/')[4] ?? ''
const collectionOf = ({ uri }: Pick<Ref, 'uri'>): string => uri.split('/')[3] ?? ''

let lastTime = 0
/** A time of its own for every record: answers are sorted by it. */
export const now = (): string => {
  lastTime = Math.max(Date.now(), lastTime + 1)
  return new Date(lastTime).toISOString()
}

export class Account {
  readonly did: string
  readonly name: string
  readonly #scene: Scene
  #token: string

  private constructor(scene: Scene, name: string, session: Session) {
    this.#scene = scene
    this.name = name
    this.did = session.did
    this.#token = session.accessJwt
  }

  static async create(scene: Scene, name: string): Promise<Account> {
    const input = { handle: `${name}.test`, email: `${name}@example.com`, password: PASSWORD }
    const session = await post<Session>(scene.pds, { nsid: 'com.atproto.server.createAccount', input })
    await scene.settle()
    return new Account(scene, name, session)
  }

  get handle(): string {
    return `${this.name}.test`
  }

  #headers(): Headers {
    return { authorization: `Bearer ${this.#token}` }
  }

  /** A procedure of the PDS in this account's name. */
  async call<T>(nsid: string, input?: Fields): Promise<T> {
    const answer = await post<T>(this.#scene.pds, { nsid, ...(input && { input }), headers: this.#headers() })
    await this.#scene.settle()
    return answer
  }

  create(collection: string, record: Fields, { rkey, validate }: PutOptions = {}): Promise<Ref> {
    return this.call('com.atproto.repo.createRecord', {
      repo: this.did,
      collection,
      record: { $type: collection, createdAt: now(), ...record },
      ...(rkey !== undefined && { rkey }),
      ...(validate === false && { validate }),
    })
  }

  /** Replaces the record, or creates it. */
  put(ref: Pick<Ref, 'uri'>, record: Fields, { validate }: PutOptions = {}): Promise<Ref> {
    const collection = collectionOf(ref)
    return this.call('com.atproto.repo.putRecord', {
      repo: this.did,
      collection,
      rkey: rkeyOf(ref),
      record: { $type: collection, createdAt: now(), ...record },
      ...(validate === false && { validate }),
    })
  }

  async delete(ref: Pick<Ref, 'uri'>): Promise<void> {
    const input = { repo: this.did, collection: collectionOf(ref), rkey: rkeyOf(ref) }
    await this.call('com.atproto.repo.deleteRecord', input)
  }

  uriOf(collection: string, rkey: string): string {
    return `at://${this.did}/${collection}/${rkey}`
  }

  post(text: string, rest: Fields = {}, options: PutOptions = {}): Promise<Ref> {
    return this.create('app.bsky.feed.post', { text, ...rest }, options)
  }

  reply(text: string, to: { root: Ref; parent: Ref }, rest: Fields = {}): Promise<Ref> {
    const { root, parent } = to
    return this.post(text, { reply: { root: strong(root), parent: strong(parent) }, ...rest })
  }

  like(subject: Ref, rest: Fields = {}, options: PutOptions = {}): Promise<Ref> {
    return this.create('app.bsky.feed.like', { subject: strong(subject), ...rest }, options)
  }

  repost(subject: Ref, rest: Fields = {}, options: PutOptions = {}): Promise<Ref> {
    return this.create('app.bsky.feed.repost', { subject: strong(subject), ...rest }, options)
  }

  follow(subject: { readonly did: string }, options: PutOptions = {}): Promise<Ref> {
    return this.create('app.bsky.graph.follow', { subject: subject.did }, options)
  }

  async upload(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<Blob> {
    const response = await fetch(`${this.#scene.pds}/xrpc/com.atproto.repo.uploadBlob`, {
      method: 'POST',
      headers: { ...this.#headers(), 'content-type': type },
      body: bytes,
    })
    if (!response.ok) throw new Error(`uploadBlob answered ${response.status}: ${await response.text()}`)
    return ((await response.json()) as { blob: Blob }).blob
  }

  changeHandle(name: string): Promise<unknown> {
    return this.call('com.atproto.identity.updateHandle', { handle: `${name}.test` })
  }

  deactivate(): Promise<unknown> {
    return this.call('com.atproto.server.deactivateAccount', {})
  }

  activate(): Promise<unknown> {
    return this.call('com.atproto.server.activateAccount')
  }

  /** By the operator: the account's own way needs a mail. */
  async remove(): Promise<void> {
    const nsid = 'com.atproto.admin.deleteAccount'
    await post(this.#scene.pds, { nsid, input: { did: this.did }, headers: this.#scene.admin })
    await this.#scene.settle()
  }

  async takeDown(applied: boolean): Promise<void> {
    const subject = { $type: 'com.atproto.admin.defs#repoRef', did: this.did }
    const input = { subject, takedown: { applied, ...(applied && { ref: 'test' }) } }
    const nsid = 'com.atproto.admin.updateSubjectStatus'
    await post(this.#scene.pds, { nsid, input, headers: this.#scene.admin })
    await this.#scene.settle()
  }
}

export const strong = ({ uri, cid }: Ref): Ref => ({ uri, cid })
