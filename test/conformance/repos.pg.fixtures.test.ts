/** Real accounts' repositories from their CARs to PostgreSQL: what arrives, what does not, and why. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { verifyRepo } from '../../src/atproto/repo.ts'
import { readCar } from '../../src/atproto/car.ts'
import { decodeCommit } from '../../src/atproto/commit.ts'
import { encodeBackfill } from '../../src/event/codec.ts'
import { FIREHOSE_BACKFILL, REPO_BACKFILL } from '../../src/event/streams.ts'
import { collectionByNsid } from '../../src/indexer/collections/index.ts'
import { fixturesDir, needs } from '../harness/services.ts'
import { withPipeline } from './pipeline.ts'

const NAMES = ['empty', 'tiny', 'little'] as const
type Counts = Record<string, number>

const bytesOf = (name: string): Buffer => readFileSync(join(fixturesDir(), 'repos', `${name}.car`))

const didOf = (name: string): string => {
  const { roots, blocks } = readCar(bytesOf(name))
  const commit = blocks.get(roots[0] ?? '')
  assert.ok(commit)
  return decodeCommit(commit).did
}

const count = (collections: readonly string[]): Counts => {
  const counts: Counts = {}
  for (const name of [...collections].sort()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Records of collections that are known and valid by their lexicon arrive; the others do not, for one of two reasons. */
const expectationOf = async (name: string) => {
  const did = didOf(name)
  const options = { did, didKey: null, filter: () => true, maxBytes: 1e8 }
  const { records } = await verifyRepo(bytesOf(name), options)
  const found = [...records].map(({ collection, rkey, cid, value }) => {
    const record = JSON.parse(JSON.stringify(value)) as Record<string, never>
    const known = collectionByNsid.get(collection)
    const fate = known === undefined ? 'unknown' : known.isValid(record) ? 'kept' : 'invalid'
    return { collection, uri: `at://${did}/${collection}/${rkey}`, cid, fate }
  })
  const of = (fate: string) =>
    count(found.filter((one) => one.fate === fate).map(({ collection }) => collection))
  return {
    did,
    lines: (fates: readonly string[]) =>
      found.filter(({ fate }) => fates.includes(fate)).map(({ uri, cid }) => `${uri} ${cid}`),
    counts: { kept: of('kept'), invalid: of('invalid'), unknown: of('unknown') },
  }
}

/** Pinned, so that neither the lexicons nor the reader of CARs can change what arrives unnoticed. */
const PINNED: Readonly<Record<(typeof NAMES)[number], { kept: Counts; invalid: Counts; unknown: number }>> = {
  empty: { kept: {}, invalid: {}, unknown: 0 },
  tiny: {
    kept: {
      'app.bsky.actor.profile': 1,
      'app.bsky.feed.like': 2,
      'app.bsky.feed.post': 3,
      'app.bsky.graph.block': 1,
      'app.bsky.graph.follow': 1,
    },
    invalid: {},
    unknown: 0,
  },
  little: {
    kept: {
      'app.bsky.actor.profile': 1,
      'app.bsky.feed.like': 70,
      'app.bsky.feed.post': 85,
      'app.bsky.feed.repost': 51,
      'app.bsky.graph.block': 2,
      'app.bsky.graph.follow': 2,
    },
    invalid: {},
    unknown: 67,
  },
}

type Expectation = Awaited<ReturnType<typeof expectationOf>>
const expectations = async (): Promise<readonly (readonly [(typeof NAMES)[number], Expectation])[]> =>
  Promise.all(NAMES.map(async (name) => [name, await expectationOf(name)] as const))

/** Fetches the repositories and indexes them; resolves with the lines of `record` and of the list of drops, by DID. */
const fill = (indexUnknown: boolean, dids: readonly string[]) => {
  const scene = { serveDir: fixturesDir(), collections: ['*'], skipSignatureVerification: true, indexUnknown }
  return withPipeline(scene, async ({ start, backfiller, indexer, drained, log, pool }) => {
    start(backfiller(), indexer({ batchSize: 500 }))
    const entries = dids.map((did) => ({ did, host: '', rev: '', status: null, active: true }))
    await log.append(REPO_BACKFILL, entries.map(encodeBackfill))
    await drained(REPO_BACKFILL, FIREHOSE_BACKFILL)
    const linesOf = async (text: string) => {
      const { rows } = await pool.query<{ did: string; line: string }>({ text })
      const byDid = Map.groupBy(rows, ({ did }) => did)
      return (did: string) => (byDid.get(did) ?? []).map(({ line }) => line).sort()
    }
    return {
      records: await linesOf(`select did, uri || ' ' || cid as line from ${pool.schema}.record`),
      dropped: await linesOf('select did, uri as line from millrace.dropped'),
    }
  })
}

test(
  'every record of a known collection of the real repositories arrives in PostgreSQL',
  needs('pg', 'fixtures'),
  async (t) => {
    const expected = await expectations()
    const { records, dropped } = await fill(
      false,
      expected.map(([, { did }]) => did),
    )
    for (const [name, { did, lines, counts }] of expected) {
      assert.deepEqual(records(did), lines(['kept']).sort(), name)
      const unknown = Object.values(counts.unknown).reduce((sum, n) => sum + n, 0)
      t.diagnostic(`${name}.car: arrived ${JSON.stringify(counts.kept)}`)
      t.diagnostic(`${name}.car: invalid by lexicon ${JSON.stringify(counts.invalid)}`)
      t.diagnostic(`${name}.car: of unknown collections ${JSON.stringify(counts.unknown)}`)
      assert.deepEqual({ ...counts, unknown }, PINNED[name], name)
      assert.equal(
        dropped(did).length,
        lines(['invalid']).length,
        'the invalid ones, and no others, are listed',
      )
    }
  },
)

test(
  'with unknown collections asked for, every record of the real repositories arrives but the invalid ones',
  needs('pg', 'fixtures'),
  async () => {
    const expected = await expectations()
    const { records, dropped } = await fill(
      true,
      expected.map(([, { did }]) => did),
    )
    for (const [name, { did, lines }] of expected) {
      assert.deepEqual(records(did), lines(['kept', 'unknown']).sort(), name)
      assert.equal(dropped(did).length, lines(['invalid']).length)
      if (name === 'little') assert.equal(records(did).length + dropped(did).length, 278)
    }
  },
)
