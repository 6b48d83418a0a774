/** Thread gates and post gates: every rule, before and after what they judge, edited, deleted, hiding, detaching. */
import { rkeyOf, strong, type Account, type Ref } from './account.ts'
import type { Cast } from './cast.ts'
import type { Graph } from './graph.ts'

const RULE = 'app.bsky.feed.threadgate#'

const threadGate = (owner: Account, post: Ref, rest: object): Promise<Ref> =>
  owner.create('app.bsky.feed.threadgate', { post: post.uri, ...rest }, { rkey: rkeyOf(post) })
const postGate = (owner: Account, post: Ref, rest: object): Promise<Ref> =>
  owner.create('app.bsky.feed.postgate', { post: post.uri, ...rest }, { rkey: rkeyOf(post) })

/** Who may answer whom by which rule: alice follows bob, carol and dan; dan and eve are not followed by carol; henry follows alice. */
const rules = async (cast: Cast, { list }: Graph): Promise<void> => {
  const { alice, bob, carol, eve, henry, iris } = cast
  const gates: readonly (readonly object[] | undefined)[] = [
    undefined,
    [],
    [{ $type: `${RULE}mentionRule` }],
    [{ $type: `${RULE}followingRule` }],
    [{ $type: `${RULE}followerRule` }],
    [{ $type: `${RULE}listRule`, list: list.uri }],
    [{ $type: `${RULE}mentionRule` }, { $type: `${RULE}listRule`, list: list.uri }],
  ]
  const text = 'for @iris to answer'
  const facets = [
    {
      index: { byteStart: 4, byteEnd: 9 },
      features: [{ $type: 'app.bsky.richtext.facet#mention', did: iris.did }],
    },
  ]
  for (const allow of gates) {
    const root = await alice.post(text, { facets })
    await threadGate(alice, root, { ...(allow && { allow }) })
    for (const who of [alice, bob, carol, eve, henry, iris]) {
      const reply = await who.reply('may I?', { root, parent: root })
      if (who === bob) await eve.reply('below bob', { root, parent: reply })
    }
  }
}

/** A gate that comes late, changes its mind, and goes. */
const changes = async ({ alice, bob, carol, eve }: Cast): Promise<void> => {
  const root = await alice.post('gated late')
  const early = await eve.reply('before the gate', { root, parent: root })
  const gate = await threadGate(alice, root, { allow: [] })
  await bob.reply('past the gate', { root, parent: root })
  await alice.put(gate, {
    post: root.uri,
    allow: [{ $type: `${RULE}followingRule` }],
    hiddenReplies: [early.uri],
  })
  await bob.reply('now I may', { root, parent: root })
  const below = await carol.reply('below what is hidden', { root, parent: early })
  await bob.reply('further below', { root, parent: below })
  await alice.delete(gate)
  await eve.reply('after the gate', { root, parent: root })
  const rkey = '3kcccccccca2a'
  const uri = alice.uriOf('app.bsky.feed.post', rkey)
  await alice.create('app.bsky.feed.threadgate', { post: uri, allow: [] }, { rkey })
  const late = await alice.post('later than its gate', {}, { rkey })
  await bob.reply('past an early gate', { root: late, parent: late })
  const other = await bob.post('of bob')
  await alice.create('app.bsky.feed.threadgate', { post: other.uri, allow: [] }, { validate: false })
  const edited = await alice.post('gated, then edited')
  await threadGate(alice, edited, { allow: [] })
  await alice.put(edited, { text: 'gated and edited' })
}

const quotes = async ({ alice, bob, carol, dan }: Cast): Promise<void> => {
  const embed = (of: Ref) => ({ embed: { $type: 'app.bsky.embed.record', record: strong(of) } })
  const closed = await alice.post('not to be quoted')
  const before = await carol.post('quoted before', embed(closed))
  const gate = await postGate(alice, closed, {
    embeddingRules: [{ $type: 'app.bsky.feed.postgate#disableRule' }],
  })
  const after = await bob.post('quoted all the same', embed(closed))
  await alice.post('I may', embed(closed))
  await alice.put(gate, { post: closed.uri, detachedEmbeddingUris: [before.uri] })
  await dan.post('quoted when it was allowed again', embed(closed))
  await bob.put(after, { text: 'quoted all the same, edited', ...embed(closed) })
  const reopened = await alice.post('closed for a while')
  const gone = await postGate(alice, reopened, {
    embeddingRules: [{ $type: 'app.bsky.feed.postgate#disableRule' }],
  })
  await bob.post('too early', embed(reopened))
  await alice.delete(gone)
  await bob.post('late enough', embed(reopened))
}

export const gate = async (cast: Cast, graph: Graph): Promise<void> => {
  await rules(cast, graph)
  await changes(cast)
  await quotes(cast)
}
