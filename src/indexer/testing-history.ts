/**
 * Random histories of a small network, as fast-check values that shrink: every one is valid per repo (revs only grow, what is
 * updated or deleted exists), so that delivering its events in any order must end in the same rows.
 *
 * What only history can tell is left out, each with its reason:
 * - posts that were replied to, or that have a gate, are not deleted: a reply that comes after its parent's deletion cannot
 *   know whom it notified while the parent stood, nor a quote whether the gate of a post that is gone would have let it in;
 * - a record key of a deleted post is not used again: reposts that came before the deletion would stay out of the feeds;
 * - a post is edited in its text only: whom an earlier version mentioned or answered stays notified;
 * - gates are not changed, and ask for nothing that changes (follows, lists): a reply is judged when it is met.
 */
import fc from 'fast-check'
import type { StreamEvent } from '../event/event.ts'
import { at, cidOf, create, didOf, ref, remove, timeOf, update } from './testing.ts'

/** One step of a history; numbers choose among what is possible at that moment. */
export type Step = { readonly kind: Kind; readonly who: number; readonly what: number; readonly how: number }

const KINDS = [
  'post',
  'post',
  'reply',
  'reply',
  'quote',
  'edit',
  'unpost',
  'like',
  'like',
  'like',
  'unlike',
  'relike',
  'move',
  'repost',
  'unrepost',
  'follow',
  'unfollow',
  'block',
  'unblock',
  'profile',
  'unprofile',
  'threadgate',
  'postgate',
] as const
type Kind = (typeof KINDS)[number]

export const anyHistory: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    who: fc.nat(2),
    what: fc.nat(7),
    how: fc.nat(3),
  }),
  { minLength: 1, maxLength: 45, size: 'max' },
)

/** Replaced by a mark of each run, so that many runs share one database. */
export const MARK = 'markaa'
const ACCOUNTS = ['alice', 'bob', 'carol'].map((name) => didOf(`${MARK}${name}`))

type Post = {
  readonly did: string
  readonly rkey: string
  readonly uri: string
  readonly record: { readonly reply?: { root: Ref; parent: Ref } } & Record<string, unknown>
  alive: boolean
  /** Was replied to or has a gate. */
  bound: boolean
}
type Ref = { uri: string; cid: string }
/** A like, repost, follow or block that was once made. */
type Link = {
  readonly did: string
  readonly collection: string
  readonly rkey: string
  record: object
  alive: boolean
}

const pick = <T>(from: readonly T[], index: number): T | undefined => from[index % from.length]

class Network {
  readonly events: StreamEvent[] = []
  readonly #posts: Post[] = []
  readonly #links: Link[] = []
  readonly #profiles = new Set<string>()
  readonly #gates = new Set<string>()
  #now = 0

  take({ kind, who, what, how }: Step): void {
    this.#now += 1
    const did = ACCOUNTS[who] ?? ''
    const other = ACCOUNTS[what % ACCOUNTS.length] ?? ''
    switch (kind) {
      case 'post':
        return this.#post(did, how === 0 ? mention(other) : {})
      case 'reply':
        return this.#reply(did, pick(this.#alive(), what), how)
      case 'quote':
        return this.#quote(did, pick(this.#posts, what))
      case 'edit':
        return this.#edit(pick(this.#alive(), what))
      case 'unpost':
        return this.#unpost(
          pick(
            this.#posts.filter(({ alive, bound }) => alive && !bound),
            what,
          ),
        )
      case 'like':
      case 'repost':
        return this.#engage(did, kind, pick(this.#posts, what), how)
      case 'follow':
      case 'block':
        return this.#link(did, kind, { subject: other })
      case 'unlike':
      case 'unrepost':
      case 'unfollow':
      case 'unblock':
        return this.#unlink(pick(this.#linksOf(kind.slice(2), true), what))
      case 'relike':
        return this.#relink(pick(this.#linksOf('like', false), what))
      case 'move':
        return this.#move(
          pick(
            this.#links.filter(({ alive }) => alive),
            what,
          ),
          pick(this.#posts, how),
          other,
        )
      case 'profile':
        return this.#profile(did, ['one', 'two'][how % 2] ?? '')
      case 'unprofile':
        return this.#unprofile(did)
      case 'threadgate':
      case 'postgate':
        return this.#gate(kind, pick(this.#alive(), what), how)
    }
  }

  #alive(): Post[] {
    return this.#posts.filter(({ alive }) => alive)
  }

  #linksOf(collection: string, alive: boolean): Link[] {
    return this.#links.filter((link) => link.collection === collection && link.alive === alive)
  }

  #post(did: string, more: Record<string, unknown>): void {
    const rkey = `p${this.#now}`
    const record = { text: `post ${this.#now}`, createdAt: timeOf(this.#now), ...more }
    this.#posts.push({ did, rkey, uri: at(did, 'post', rkey), record, alive: true, bound: false })
    this.events.push(create(this.#now, [did, 'post', rkey], record))
  }

  /** Some say that they hang elsewhere than they do. */
  #reply(did: string, parent: Post | undefined, how: number): void {
    if (!parent) return
    parent.bound = true
    const root = how === 0 ? ref(parent.uri) : (parent.record.reply?.root ?? ref(parent.uri))
    this.#post(did, { reply: { root, parent: ref(parent.uri) } })
  }

  #quote(did: string, post: Post | undefined): void {
    if (post) this.#post(did, { embed: { $type: 'app.bsky.embed.record', record: ref(post.uri) } })
  }

  #edit(post: Post | undefined): void {
    if (!post) return
    const record = { ...post.record, text: `edited ${this.#now}` }
    this.events.push(update(this.#now, [post.did, 'post', post.rkey], record))
  }

  #unpost(post: Post | undefined): void {
    if (!post) return
    post.alive = false
    this.events.push(remove(this.#now, [post.did, 'post', post.rkey]))
  }

  #engage(did: string, kind: 'like' | 'repost', post: Post | undefined, how: number): void {
    if (!post) return
    const repost = how === 0 ? pick(this.#linksOf('repost', true), how) : undefined
    const via = repost && { via: ref(at(repost.did, 'repost', repost.rkey)) }
    this.#link(did, kind, { subject: ref(post.uri), ...via })
  }

  #link(did: string, collection: string, more: object): void {
    const rkey = `${collection}${this.#now}`
    const record = { createdAt: timeOf(this.#now), ...more }
    this.#links.push({ did, collection, rkey, record, alive: true })
    this.events.push(create(this.#now, [did, collection, rkey], record))
  }

  #unlink(link: Link | undefined): void {
    if (!link) return
    link.alive = false
    this.events.push(remove(this.#now, [link.did, link.collection, link.rkey]))
  }

  /** The same record under the same key once more. */
  #relink(link: Link | undefined): void {
    if (!link) return
    link.alive = true
    this.events.push(create(this.#now, [link.did, link.collection, link.rkey], link.record))
  }

  #move(link: Link | undefined, post: Post | undefined, did: string): void {
    if (!link) return
    const isEngagement = link.collection === 'like' || link.collection === 'repost'
    if (isEngagement && !post) return
    link.record = { createdAt: timeOf(this.#now), subject: isEngagement && post ? ref(post.uri) : did }
    this.events.push(update(this.#now, [link.did, link.collection, link.rkey], link.record))
  }

  #profile(did: string, displayName: string): void {
    const make = this.#profiles.has(did) ? update : create
    this.#profiles.add(did)
    this.events.push(make(this.#now, [did, 'profile', 'self'], { displayName, createdAt: timeOf(0) }))
  }

  #unprofile(did: string): void {
    if (this.#profiles.delete(did)) this.events.push(remove(this.#now, [did, 'profile', 'self']))
  }

  #gate(kind: 'threadgate' | 'postgate', post: Post | undefined, how: number): void {
    if (!post || this.#gates.has(`${kind} ${post.uri}`)) return
    this.#gates.add(`${kind} ${post.uri}`)
    post.bound = true
    const allow = [[], [{ $type: 'app.bsky.feed.threadgate#mentionRule' }]][how % 2]
    const rules = { embeddingRules: [{ $type: 'app.bsky.feed.postgate#disableRule' }] }
    const record = {
      post: post.uri,
      createdAt: timeOf(this.#now),
      ...(kind === 'postgate' ? rules : { allow }),
    }
    this.events.push(create(this.#now, [post.did, kind, post.rkey], record))
  }
}

const mention = (did: string) => ({
  facets: [
    {
      index: { byteStart: 0, byteEnd: 4 },
      features: [{ $type: 'app.bsky.richtext.facet#mention', did }],
    },
  ],
})

export const eventsOf = (steps: readonly Step[]): readonly StreamEvent[] => {
  const network = new Network()
  for (const step of steps) network.take(step)
  return network.events
}

/** How events reach the indexer. */
export type Delivery = {
  /** The event with the smallest number comes first. */
  readonly order: readonly number[]
  /** Events that come again, at the end of the queue of a reader. */
  readonly again: readonly number[]
  readonly batchSizes: readonly number[]
  readonly appliers: number
}

export const anyDelivery: fc.Arbitrary<Delivery> = fc.record({
  order: fc.array(fc.nat(99), { maxLength: 45, size: 'max' }),
  again: fc.array(fc.nat(44), { maxLength: 8 }),
  batchSizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
  appliers: fc.integer({ min: 1, max: 3 }),
})

/** The batches of each applier. */
export const deliver = (
  events: readonly StreamEvent[],
  { order, again, batchSizes, appliers }: Delivery,
): readonly (readonly StreamEvent[])[][] => {
  const repeated = again.flatMap((index) => (events.length > 0 ? (events[index % events.length] ?? []) : []))
  const queue = [...events, ...repeated]
    .map((event, index) => ({ event, place: order[index] ?? 50 }))
    .sort((a, b) => a.place - b.place)
    .map(({ event }) => event)
  const lanes: StreamEvent[][][] = Array.from({ length: appliers }, () => [])
  for (let batch = 0, from = 0; from < queue.length; batch++) {
    const size = batchSizes[batch % batchSizes.length] ?? 1
    lanes[batch % appliers]?.push(queue.slice(from, from + size))
    from += size
  }
  return lanes
}

/** The same events under another mark: other accounts, same everything. */
export const marked = (events: readonly StreamEvent[], mark: string): readonly StreamEvent[] =>
  JSON.parse(JSON.stringify(events).replaceAll(MARK, mark)) as StreamEvent[]

/** A mark that no other run uses. */
export const markOf = (run: number): string => cidOf(`run ${run}`).slice(-MARK.length)
