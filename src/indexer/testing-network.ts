/**
 * A small network in which things happen step by step: posts, threads, gates, links, accounts; and the events that tell of it.
 * Guarantees valid repos. Left out: a record key of a deleted post is used again for the same post only, and an account is
 * deleted once, and returns with record keys of its own.
 */
import type { StreamEvent } from '../event/event.ts'
import type { GateKind } from './gate-versions.ts'
import type { Step } from './testing-steps.ts'
import { account, at, backfilled, create, didOf, ref, remove, timeOf, update } from './testing.ts'

/** Replaced by a mark of each run, so that many runs share one database. */
export const MARK = 'markaa'
const ACCOUNTS = ['alice', 'bob', 'carol'].map((name) => didOf(`${MARK}${name}`))

type Ref = { uri: string; cid: string }
type Post = {
  readonly did: string
  readonly rkey: string
  readonly uri: string
  record: { readonly reply?: { root: Ref; parent: Ref } } & Record<string, unknown>
  alive: boolean
  /** Its account was deleted. */
  buried: boolean
}
/** A like, repost, follow, block or list item that was once made. */
type Link = {
  readonly did: string
  readonly collection: string
  readonly rkey: string
  record: object
  alive: boolean
}

const pick = <T>(from: readonly T[], index: number): T | undefined => from[index % from.length]
const isAlive = ({ alive }: { alive: boolean }) => alive
const isGone = ({ alive }: { alive: boolean }) => !alive

export class Network {
  readonly events: StreamEvent[] = []
  readonly #posts: Post[] = []
  #links: Link[] = []
  readonly #profiles = new Set<string>()
  readonly #gates = new Map<string, Post>()
  readonly #vanished = new Set<string>()
  readonly #standing = new Map<string, StreamEvent>()
  #now = 0

  take({ kind, who, what, how }: Step): void {
    this.#now += 1
    const did = ACCOUNTS[who] ?? ''
    const other = ACCOUNTS[what % ACCOUNTS.length] ?? ''
    switch (kind) {
      case 'post':
        return this.#post(did, how < 2 ? mention(other) : {})
      case 'reply':
        return this.#reply(did, pick(this.#posts.filter(isAlive), what), how)
      case 'quote':
        return this.#quote(did, pick(this.#posts, what))
      case 'edit':
        return this.#edit(pick(this.#posts.filter(isAlive), what), how < 2 ? mention(did) : {})
      case 'unpost':
        return this.#unpost(pick(this.#posts.filter(isAlive), what))
      case 'revive':
        return this.#revive(what)
      case 'like':
      case 'repost':
        return this.#engage(did, kind, pick(this.#posts, what), how)
      case 'follow':
      case 'block':
        return this.#link(did, kind, { subject: other })
      case 'listitem':
        return this.#link(did, kind, { subject: other, list: at(did, 'list', 'friends') })
      case 'verification':
        return this.#link(did, kind, { subject: other, handle: 'some.test', displayName: 'some' })
      case 'unlike':
      case 'unrepost':
      case 'unfollow':
      case 'unblock':
      case 'unlistitem':
      case 'unverification':
        return this.#unlink(pick(this.#linksOf(kind.slice(2)).filter(isAlive), what))
      case 'relike':
      case 'rerepost':
      case 'refollow':
      case 'reverification':
        return this.#relink(pick(this.#linksOf(kind.slice(2)).filter(isGone), what))
      case 'move':
        return this.#move(pick(this.#links.filter(isAlive), what), pick(this.#posts, how), other)
      case 'profile':
        return this.#profile(did, ['one', 'two'][how % 2] ?? '')
      case 'unprofile':
        return this.#unprofile(did)
      case 'threadgate':
      case 'postgate':
        return this.#gate(kind, pick(this.#posts.filter(isAlive), what), how)
      case 'unthreadgate':
      case 'unpostgate':
        return this.#ungate(kind.slice(2) as GateKind, what)
      case 'fetch':
        return what < 3 ? this.#fetch(did) : undefined
      case 'vanish':
        return what === 0 ? this.#vanish(did) : undefined
    }
  }

  #tell(event: StreamEvent): void {
    this.events.push(event)
    if (event.type === 'account') return
    const path = 'rkey' in event ? `${event.did} ${event.collection} ${event.rkey}` : ''
    if (event.type === 'delete') this.#standing.delete(path)
    else this.#standing.set(path, event)
  }

  /** A backfill of the account: everything that stands, as it is. */
  #fetch(did: string): void {
    for (const event of this.#standing.values())
      if (event.did === did) this.events.push(backfilled(event, this.#now))
  }

  #linksOf(collection: string): Link[] {
    return this.#links.filter((link) => link.collection === collection)
  }

  #post(did: string, more: Record<string, unknown>): void {
    const rkey = `p${this.#now}`
    const record = { text: `post ${this.#now}`, createdAt: timeOf(this.#now), ...more }
    this.#posts.push({ did, rkey, uri: at(did, 'post', rkey), record, alive: true, buried: false })
    this.#tell(create(this.#now, [did, 'post', rkey], record))
  }

  /** Some say that they hang elsewhere than they do. */
  #reply(did: string, parent: Post | undefined, how: number): void {
    if (!parent) return
    const root = how === 0 ? ref(parent.uri) : (parent.record.reply?.root ?? ref(parent.uri))
    this.#post(did, { reply: { root, parent: ref(parent.uri) } })
  }

  #quote(did: string, post: Post | undefined): void {
    if (post) this.#post(did, { embed: { $type: 'app.bsky.embed.record', record: ref(post.uri) } })
  }

  #edit(post: Post | undefined, more: Record<string, unknown>): void {
    if (!post) return
    post.record = { ...post.record, text: `edited ${this.#now}`, ...more }
    this.#tell(update(this.#now, [post.did, 'post', post.rkey], post.record))
  }

  #unpost(post: Post | undefined): void {
    if (!post) return
    post.alive = false
    this.#tell(remove(this.#now, [post.did, 'post', post.rkey]))
  }

  #revive(what: number): void {
    const gone = this.#posts.filter(({ alive, buried }) => !alive && !buried)
    const post = pick(gone, what)
    if (!post) return
    post.alive = true
    this.#tell(create(this.#now, [post.did, 'post', post.rkey], post.record))
  }

  #engage(did: string, kind: 'like' | 'repost', post: Post | undefined, how: number): void {
    if (!post) return
    const repost = how === 0 ? pick(this.#linksOf('repost').filter(isAlive), how) : undefined
    const via = repost && { via: ref(at(repost.did, 'repost', repost.rkey)) }
    this.#link(did, kind, { subject: ref(post.uri), ...via })
  }

  #link(did: string, collection: string, more: object): void {
    const rkey = `${collection}${this.#now}`
    const record = { createdAt: timeOf(this.#now), ...more }
    this.#links.push({ did, collection, rkey, record, alive: true })
    this.#tell(create(this.#now, [did, collection, rkey], record))
  }

  #unlink(link: Link | undefined): void {
    if (!link) return
    link.alive = false
    this.#tell(remove(this.#now, [link.did, link.collection, link.rkey]))
  }

  /** The same record under the same key once more. */
  #relink(link: Link | undefined): void {
    if (!link) return
    link.alive = true
    this.#tell(create(this.#now, [link.did, link.collection, link.rkey], link.record))
  }

  #move(link: Link | undefined, post: Post | undefined, did: string): void {
    if (!link) return
    const isEngagement = link.collection === 'like' || link.collection === 'repost'
    if (isEngagement && !post) return
    const subject = isEngagement && post ? ref(post.uri) : did
    link.record = { ...link.record, createdAt: timeOf(this.#now), subject }
    this.#tell(update(this.#now, [link.did, link.collection, link.rkey], link.record))
  }

  #profile(did: string, displayName: string): void {
    const make = this.#profiles.has(did) ? update : create
    this.#profiles.add(did)
    this.#tell(make(this.#now, [did, 'profile', 'self'], { displayName, createdAt: timeOf(0) }))
  }

  #unprofile(did: string): void {
    if (this.#profiles.delete(did)) this.#tell(remove(this.#now, [did, 'profile', 'self']))
  }

  /** Made, or changed where there is one. */
  #gate(kind: GateKind, post: Post | undefined, how: number): void {
    if (!post) return
    const make = this.#gates.has(`${kind} ${post.uri}`) ? update : create
    this.#gates.set(`${kind} ${post.uri}`, post)
    const rules = kind === 'threadgate' ? this.#threadRules(post, how) : quoteRules(how)
    const record = { post: post.uri, createdAt: timeOf(this.#now), ...rules }
    this.#tell(make(this.#now, [post.did, kind, post.rkey], record))
  }

  #threadRules(post: Post, how: number): object {
    const rule = (name: string, more = {}) => ({ $type: `app.bsky.feed.threadgate#${name}`, ...more })
    const replies = this.#posts.filter(({ record }) => record.reply?.root.uri === post.uri)
    const allow = [
      [],
      [rule('mentionRule')],
      [rule('followingRule'), rule('followerRule')],
      [rule('followerRule'), rule('mentionRule')],
      [rule('listRule', { list: at(post.did, 'list', 'friends') })],
    ][how]
    const hidden = pick(replies, how)
    return { ...(allow && { allow }), ...(hidden && how > 2 && { hiddenReplies: [hidden.uri] }) }
  }

  #ungate(kind: GateKind, what: number): void {
    const gates = [...this.#gates].filter(([key]) => key.startsWith(kind))
    const [key, post] = pick(gates, what) ?? []
    if (!key || !post) return
    this.#gates.delete(key)
    this.#tell(remove(this.#now, [post.did, kind, post.rkey]))
  }

  /** The account is deleted, and everything of it. */
  #vanish(did: string): void {
    if (this.#vanished.has(did)) return
    this.#vanished.add(did)
    for (const post of this.#posts) if (post.did === did) [post.alive, post.buried] = [false, true]
    this.#links = this.#links.filter((link) => link.did !== did)
    this.#profiles.delete(did)
    for (const [key, post] of this.#gates) if (post.did === did) this.#gates.delete(key)
    for (const [path, event] of this.#standing) if (event.did === did) this.#standing.delete(path)
    this.#tell(account(this.#now, did, false, 'deleted'))
  }
}

const quoteRules = (how: number): object =>
  how === 0 ? {} : { embeddingRules: [{ $type: 'app.bsky.feed.postgate#disableRule' }] }

const mention = (did: string) => ({
  facets: [
    {
      index: { byteStart: 0, byteEnd: 4 },
      features: [{ $type: 'app.bsky.richtext.facet#mention', did }],
    },
  ],
})
