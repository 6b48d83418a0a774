import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as bluesky from '@atcute/bluesky'
import { safeParse } from '@atcute/lexicons'
import { readCar, fetchCar, readCommit, readTree, running } from './testing.ts'
import { decode } from '@atcute/cbor'

type Schema = Parameters<typeof safeParse>[0]

/** `app.bsky.feed.post` is exported as `AppBskyFeedPost`. */
const schemaOf = (collection: string): Schema | null => {
  const name = collection.split('.').map((part) => part.charAt(0).toUpperCase() + part.slice(1))
  const found = (bluesky as unknown as Record<string, { mainSchema?: Schema }>)[name.join('')]
  return found?.mainSchema ?? null
}

const OURS = [
  ...['profile', 'status'].map((name) => `app.bsky.actor.${name}`),
  ...['generator', 'like', 'post', 'postgate', 'repost', 'threadgate'].map((name) => `app.bsky.feed.${name}`),
  ...['block', 'follow', 'list', 'listblock', 'listitem', 'starterpack', 'verification'].map(
    (name) => `app.bsky.graph.${name}`,
  ),
  'app.bsky.labeler.service',
  'app.bsky.notification.declaration',
  'chat.bsky.actor.declaration',
]

const EMBEDS = ['images', 'external', 'record', 'video', 'recordWithMedia'].map(
  (name) => `app.bsky.embed.${name}`,
)

test('every record is valid by its lexicon, every collection and embed is there, other applications too', async (t) => {
  const sandbox = await running(t, { records: 1_500 })
  const collections = new Set<string>()
  const embeds = new Set<unknown>()
  for (const { did, pds, active } of sandbox.truth().accounts) {
    if (!active) continue
    const car = readCar(await fetchCar(pds, did))
    for (const [path, cid] of readTree(car, readCommit(car).data.$link)) {
      const collection = path.slice(0, path.indexOf('/'))
      const record = decode(car.blocks.get(cid) as Uint8Array) as { $type: string; embed?: { $type: string } }
      collections.add(collection)
      if (collection === 'app.bsky.feed.post') embeds.add(record.embed?.$type)
      assert.equal(record.$type, collection)
      const schema = schemaOf(collection)
      if (schema === null) continue
      const result = safeParse(schema, JSON.parse(JSON.stringify(record)))
      assert.ok(result.ok, `${path}: ${result.ok ? '' : result.message} in ${JSON.stringify(record)}`)
    }
  }
  for (const collection of OURS) assert.ok(collections.has(collection), `a record of ${collection}`)
  for (const embed of EMBEDS) assert.ok(embeds.has(embed), `a post with ${embed}`)
  assert.ok(collections.has('app.bskyish.feed.post'))
})

test('likes, follows, reposts and blocks are about 88 of 100 records', async (t) => {
  const sandbox = await running(t, { records: 12_000, accounts: 80, backfillShare: 1 })
  const { produced } = sandbox.truth()
  const common = [
    'app.bsky.feed.like',
    'app.bsky.graph.follow',
    'app.bsky.feed.repost',
    'app.bsky.graph.block',
  ]
  const created = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + (produced[name]?.create ?? 0), 0)
  const share = created(common) / created(Object.keys(produced))
  assert.ok(share > 0.85 && share < 0.91, `${share}`)
})

test('the same seed and clock give the same identities and records, another seed others', async (t) => {
  const facts = async (seed: string): Promise<unknown> => {
    const sandbox = await running(t, { seed, didWebs: 0, now: () => 1_760_000_000_000 })
    await sandbox.produce(500)
    const { records, accounts } = sandbox.truth()
    return {
      dids: accounts.map(({ did, handle, status }) => [did, handle, status]),
      records: records.map(({ uri, cid, rev }) => [uri, cid, rev]),
    }
  }
  const first = await facts('a')
  assert.deepEqual(await facts('a'), first)
  assert.notDeepEqual(await facts('b'), first)
})
