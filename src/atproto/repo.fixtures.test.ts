import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fixtureBytes, fixtureJson } from '../../test/atproto/fixtures.ts'
import { fixturesDir, needs } from '../../test/harness/services.ts'
import { readCar } from './car.ts'
import { readCarStream } from './car-stream.ts'
import { parseDidDocument } from './did-document.ts'
import { RepoError, verifyRepo, verifyRepoBytes, type RepoOptions, type VerifiedRepo } from './repo.ts'

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const countByCollection = ({ records }: VerifiedRepo): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { collection } of records) counts[collection] = (counts[collection] ?? 0) + 1
  return counts
}

const unsigned = (did: string, options: Partial<RepoOptions> = {}): RepoOptions => ({
  did,
  didKey: null,
  filter: () => true,
  maxBytes: 10_000_000,
  ...options,
})

const LITTLE = 'did:plc:lulmyldiq4sb2ikags5sfb25'

test('three real repositories are complete, in whatever pieces they arrive', needs('fixtures'), async () => {
  const expected = [
    ['empty', 'did:plc:mhkgaud2jb4rypzt4ph2a3co', 0],
    ['tiny', 'did:plc:7hptvnhdyeu53xp6rz7e42iy', 8],
    ['little', LITTLE, 278],
  ] as const
  for (const [name, did, keys] of expected) {
    const car = fixtureBytes(`repos/${name}.car`)
    const whole = await verifyRepo(car, unsigned(did))
    assert.equal(whole.keys, keys)
    for (const size of [7, 1000, 100_000]) {
      const pieces = await verifyRepo(inChunks(car, size), unsigned(did))
      assert.equal(pieces.keys, keys)
      assert.deepEqual([...pieces.records], [...whole.records])
      const blocks = (await readCarStream(inChunks(car, size))).blocks
      assert.deepEqual([...blocks.keys()], [...readCar(car).blocks.keys()])
    }
  }
})

test(
  'the real records of little.car come out by collection, and as often as one asks',
  needs('fixtures'),
  () => {
    const repo = verifyRepoBytes(fixtureBytes('repos/little.car'), unsigned(LITTLE))
    const bsky = {
      'app.bsky.actor.profile': 1,
      'app.bsky.feed.like': 70,
      'app.bsky.feed.post': 85,
      'app.bsky.feed.repost': 51,
      'app.bsky.graph.block': 2,
      'app.bsky.graph.follow': 2,
    }
    const counts = countByCollection(repo)
    assert.equal(Object.keys(counts).length, 24)
    assert.deepEqual({ ...counts, ...bsky }, counts)
    assert.deepEqual(countByCollection(repo), counts)
    const filtered = verifyRepoBytes(
      fixtureBytes('repos/little.car'),
      unsigned(LITTLE, { filter: (collection) => collection.startsWith('app.bsky.') }),
    )
    assert.deepEqual(countByCollection(filtered), bsky)
    assert.deepEqual(filtered.passed, { filtered: 67, invalid_path: 0, bad_record: 0 })
  },
)

test('every repository of the captured network is signed by its account', needs('fixtures'), () => {
  const documents = fixtureJson('network/dids.json') as Readonly<Record<string, unknown>>
  const listed = fixtureJson('network/repos.json') as { did: string; head: string; rev: string }[]
  const files = readdirSync(join(fixturesDir(), 'network/cars'))
  for (const file of files) {
    const did = file.slice(0, -'.car'.length).replaceAll('_', ':')
    const facts = parseDidDocument(did, documents[did], { allowHttp: true })
    assert.ok(facts?.signingKey)
    const repo = verifyRepoBytes(
      fixtureBytes(`network/cars/${file}`),
      unsigned(did, { didKey: facts.signingKey }),
    )
    const { rev, head } = listed.find((item) => item.did === did) ?? {}
    assert.deepEqual([repo.rev, repo.commit], [rev, head])
    assert.equal([...repo.records].length, repo.keys)
  }
  assert.equal(files.length, 16)
})

const reasonOf = async (car: Uint8Array | AsyncIterable<Uint8Array>, options: RepoOptions) => {
  try {
    await verifyRepo(car, options)
    return null
  } catch (error) {
    assert.ok(error instanceof RepoError, String(error))
    return error.reason
  }
}

test('what is wrong with a repository is told by its reason', needs('fixtures'), async () => {
  const car = fixtureBytes('repos/tiny.car')
  const did = 'did:plc:7hptvnhdyeu53xp6rz7e42iy'
  const stranger = 'did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc'
  assert.equal(await reasonOf(car, unsigned(did)), null)
  assert.equal(await reasonOf(car, unsigned(LITTLE)), 'did_mismatch')
  assert.equal(await reasonOf(car, unsigned(did, { didKey: stranger })), 'bad_signature')
  assert.equal(await reasonOf(car, unsigned(did, { maxBytes: 100 })), 'too_large')
  assert.equal(await reasonOf(inChunks(car, 50), unsigned(did, { maxBytes: 100 })), 'too_large')
  assert.equal(await reasonOf(car, unsigned(did, { maxBlocks: 2 })), 'too_large')
  assert.equal(await reasonOf(inChunks(car, 50), unsigned(did, { maxBlocks: 2 })), 'too_large')
  const flipped = Buffer.from(car)
  flipped[car.length - 1] = (flipped[car.length - 1] ?? 0) ^ 1
  assert.equal(await reasonOf(flipped, unsigned(did)), 'car')
  assert.equal(await reasonOf(inChunks(flipped, 64), unsigned(did)), 'car')
})

test('a repository cut anywhere is an error, never a smaller repository', needs('fixtures'), async () => {
  const car = fixtureBytes('repos/tiny.car')
  const options = unsigned('did:plc:7hptvnhdyeu53xp6rz7e42iy')
  const allowed = ['car', 'commit', 'mst', 'missing_record']
  for (let length = 0; length < car.length; length += 13) {
    const cut = car.subarray(0, length)
    const reason = await reasonOf(cut, options)
    assert.ok(allowed.includes(String(reason)), `${length}: ${reason}`)
    assert.equal(await reasonOf(inChunks(cut, 333), options), reason, String(length))
  }
})
