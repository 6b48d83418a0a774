/** A mixed fleet on a real Redis: rsky's entries and its ancestor's go through our services, ours through rsky's rules. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'redis'
import { until } from './until.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import { freshRedis, needs } from '../harness/services.ts'
import { readEvent, readLabels, readRepo, statusOf, type RawFields } from './dialect.ts'
import { handles, listedRepos, NETWORK_COLLECTIONS, NETWORK_DIR, repoAnswers } from './network.ts'
import { withPipeline, type Pipeline } from './pipeline.ts'
import { readTables } from './tables.ts'

const openClient = (url: string) => createClient({ url }).connect()
type Client = Awaited<ReturnType<typeof openClient>>

/** A pipeline on a private Redis, and a plain client beside it. */
const onRedis = async (work: (pipeline: Pipeline, redis: Client) => Promise<void>): Promise<void> => {
  await using server = await freshRedis()
  const redis = await openClient(server.url)
  try {
    await using log = await openRedisLog({ url: server.url, logger: silentLogger })
    const scene = { serveDir: NETWORK_DIR, collections: NETWORK_COLLECTIONS, log }
    await withPipeline(scene, (pipeline) => work(pipeline, redis))
  } finally {
    redis.destroy()
  }
}

const named = (handle: string): string => handles[handle] ?? ''
const [ALICE, BOB, CAROL, DAN] = ['alice.test', 'bob.test', 'carol.test', 'dan.test'].map(named) as [
  string,
  string,
  string,
  string,
]
const CID = 'bafyreicoo5aaqrjr3vwjfmo2iwsr7ensticxrdpf5p73cifd4mun72uevi'
const CID_2 = 'bafyreicql65vzyyomymtjxnpqwmn2mj2s72tr6j4ckeaw5uus5updiqpma'
const POST = 'app.bsky.feed.post'
const post = (text: string) => `{"$type":"${POST}","text":"${text}","createdAt":"2026-06-01T00:00:00.000Z"}`

/** As rsky-ingester and rsky-backfiller write them: wall clock with nanoseconds, capitalised status, -1 for a backfill. */
const RSKY_TIME = '2026-06-01T00:00:00.123456789+00:00'
const rsky = (type: string, seq: number, did: string, rest: string): string =>
  `{"type":"${type}","seq":${seq},"time":"${RSKY_TIME}","did":"${did}",${rest}}`
const commit = (n: number, rest = ''): string => `"commit":"${CID}","rev":"3mmmmmmmmmm${n}2"${rest}`
const path = (collection: string, rkey: string): string => `,"collection":"${collection}","rkey":"${rkey}"`
const body = (cid: string, record: string): string => `,"cid":"${cid}","record":${record}`

const RSKY_LIVE = [
  rsky('create', 1, ALICE, commit(2, path(POST, 'one') + body(CID, post('first')))),
  rsky('create', 2, ALICE, commit(3, path(POST, 'two') + body(CID, post('doomed')))),
  rsky('update', 3, ALICE, commit(4, path(POST, 'one') + body(CID_2, post('second')))),
  rsky('delete', 4, ALICE, commit(5, path(POST, 'two'))),
  rsky('identity', 5, ALICE, '"handle":"alice.test"'),
  rsky('identity', 6, DAN, '"handle":"dan.test"'),
  rsky('account', 7, DAN, '"active":false,"status":"Takendown"'),
]
const PICTURE = `{"$type":"blob","ref":{"$link":"${CID}"},"mimeType":"image/png","size":1}`
const RSKY_BACKFILL = [
  rsky(
    'create',
    -1,
    BOB,
    commit(
      2,
      path('app.bsky.actor.profile', 'self') +
        body(CID, `{"$type":"app.bsky.actor.profile","displayName":"Bob","avatar":${PICTURE}}`),
    ),
  ),
  rsky('repo', -1, BOB, commit(3)),
]

/** As the TypeScript ancestor writes them: the event's own time, lower case, -2 for a backfill, a `repo` without seq. */
const ancestor = (fields: string): string => `{${fields}}`
const TS_TIME = '"time":"2026-06-01T00:00:00.000Z"'
const ANCESTOR_LIVE = [
  ancestor(`"type":"account","seq":8,${TS_TIME},"did":"${BOB}","active":false,"status":"suspended"`),
  ancestor(`"type":"identity","seq":9,${TS_TIME},"did":"${BOB}"`),
]
const ANCESTOR_BACKFILL = [
  ancestor(
    `"type":"create","seq":-2,${TS_TIME},"did":"${CAROL}",${commit(2, path(POST, 'three') + body(CID, post('third')))}`,
  ),
  ancestor(`"type":"repo",${TS_TIME},"did":"${CAROL}",${commit(4)}`),
]

const LABEL = `"src":"${DAN}","uri":"at://${ALICE}/${POST}/one"`
const RSKY_LABELS = `{"seq":1,"labels":[{${LABEL},"cid":null,"val":"rude","neg":null,"cts":"2026-06-01 00:00:00.500 UTC"},{${LABEL},"cid":"${CID}","val":"spam","neg":true,"cts":"2026-06-01 00:00:01 UTC"}]}`
const ANCESTOR_LABEL = `{"type":"label","label":{"ver":1,${LABEL},"val":"!warn","cts":"2026-06-01T00:00:00.000Z","exp":"2027-06-01T00:00:00.000Z"}}`

const add = async (
  redis: Client,
  stream: string,
  field: string,
  bodies: readonly string[],
): Promise<void> => {
  for (const text of bodies) await redis.sendCommand(['XADD', stream, '*', field, text])
}

test('entries of rsky and of its TypeScript ancestor are indexed', needs('redis', 'pg'), () =>
  onRedis(async ({ start, indexer, drained, pool }, redis) => {
    await add(redis, 'firehose_live', 'event', [...RSKY_LIVE, ...ANCESTOR_LIVE])
    await add(redis, 'firehose_backfill', 'event', [...RSKY_BACKFILL, ...ANCESTOR_BACKFILL])
    await add(redis, 'label_live', 'labels', [RSKY_LABELS])
    await add(redis, 'label_live', 'event', [ANCESTOR_LABEL])
    start(indexer({ batchSize: 500 }))
    await drained('firehose_live', 'firehose_backfill', 'label_live')

    const tables = await readTables(pool, ['post', 'profile', 'actor', 'actor_sync', 'label'])
    const pick = (table: string, ...columns: string[]) =>
      (tables[table] ?? []).map((row) => columns.map((column) => row[column]).join(' ')).sort()
    assert.deepEqual(
      pick('post', 'uri', 'cid', 'text', 'indexedAt'),
      [
        `at://${CAROL}/${POST}/three ${CID} third 2026-06-01T00:00:00.000Z`,
        `at://${ALICE}/${POST}/one ${CID_2} second 2026-06-01T00:00:00.123Z`,
      ].sort(),
    )
    assert.deepEqual(pick('profile', 'creator', 'displayName', 'avatarCid'), [`${BOB} Bob ${CID}`])
    assert.deepEqual(
      pick('actor', 'handle', 'upstreamStatus'),
      ['alice.test ', 'bob.test suspended', 'carol.test ', 'dan.test takendown'].sort(),
    )
    assert.deepEqual(
      pick('actor_sync', 'did', 'repoRev'),
      [`${ALICE} 3mmmmmmmmmm52`, `${BOB} 3mmmmmmmmmm32`, `${CAROL} 3mmmmmmmmmm42`].sort(),
    )
    assert.deepEqual(pick('label', 'val', 'cid', 'neg', 'cts', 'exp'), [
      '!warn  false 2026-06-01T00:00:00.000Z 2027-06-01T00:00:00.000Z',
      'rude  false 2026-06-01T00:00:00.500Z ',
      `spam ${CID} true 2026-06-01T00:00:01.000Z `,
    ])
    for (const stream of ['firehose_live', 'firehose_backfill', 'label_live']) {
      assert.equal(await redis.exists(`${stream}_dlq`), 0, `${stream} has dead letters`)
      assert.deepEqual(await groupsOf(redis, stream), ['firehose_group'])
    }
  }),
)

const groupsOf = async (redis: Client, stream: string): Promise<string[]> =>
  (await redis.xInfoGroups(stream)).map(({ name }) => String(name))

test('repos that rsky, or an operator by hand, queued are fetched and indexed', needs('redis', 'pg'), () =>
  onRedis(async ({ start, indexer, backfiller, drained, pool }, redis) => {
    await add(redis, 'repo_backfill', 'repo', [
      `{"did":"${BOB}","host":"https://bsky.network","rev":"3n2w2qphoac2s","status":null,"active":true}`,
      `{"did":"${CAROL}","host":"bsky.network","rev":"3n2w2pj53b22s","active":true}`,
      `{"did":"${DAN}"}`,
    ])
    start(backfiller(), indexer({ batchSize: 500 }))
    await drained('repo_backfill', 'firehose_backfill')
    const { actor_sync: synced = [] } = await readTables(pool, ['actor_sync'])
    const revs = listedRepos
      .filter(({ did }) => [BOB, CAROL, DAN].includes(did))
      .map(({ did, rev }) => `${did} ${rev}`)
    assert.deepEqual(
      synced.map(({ did, repoRev }) => `${String(did)} ${String(repoRev)}`).sort(),
      revs.sort(),
    )
    assert.deepEqual(await groupsOf(redis, 'repo_backfill'), ['repo_backfill_group'])
    for (const did of [BOB, CAROL, DAN]) {
      assert.match((await redis.get(`did:key:${did}`)) ?? '', /^did:key:z/)
      assert.match((await redis.get(`did:pds:${did}`)) ?? '', /^http:/)
      assert.ok((await redis.ttl(`did:pds:${did}`)) <= 86_400)
    }
  }),
)

const fieldsOf = async (redis: Client, stream: string): Promise<RawFields[]> =>
  ((await redis.xRange(stream, '-', '+')) ?? []).map(({ message }) => ({ ...message }))

test("what our ingester and backfiller write is readable by rsky's rules", needs('redis', 'pg'), () =>
  onRedis(async ({ start, ingester, backfiller, sandbox }, redis) => {
    const [relay = '', labeler = ''] = [...sandbox.relayUrls, ...sandbox.labelerUrls]
    start(ingester('firehose'), ingester('labeler'), ingester('backfill'))
    const cursor = async (key: string) => Number(await redis.get(key))
    await until(async () => (await cursor(`firehose_live:cursor:${relay}`)) === 386)
    await until(async () => (await cursor(`label_live:cursor:${labeler}`)) > 0)
    await until(async () => (await redis.get(`repo_backfill:cursor:${relay}`)) === '!ingester-done')

    const live = (await fieldsOf(redis, 'firehose_live')).map(readEvent)
    assert.deepEqual(
      new Set(live.map(({ type }) => type)),
      new Set(['create', 'update', 'delete', 'account', 'identity']),
    )
    assert.ok(live.every(({ seq }) => (seq as number) > 0))
    const statuses = live.filter(({ type }) => type === 'account').map(statusOf)
    assert.deepEqual(new Set(statuses), new Set([null, 'deleted', 'deactivated', 'takendown']))
    assert.ok((await fieldsOf(redis, 'label_live')).flatMap(readLabels).length > 0)
    const repos = (await fieldsOf(redis, 'repo_backfill')).map(readRepo)
    assert.deepEqual(new Set(repos.map(({ did }) => did)).size, new Set(Object.keys(repoAnswers)).size)

    start(backfiller())
    await until(async () => (await redis.xLen('repo_backfill')) === 0)
    const fetched = (await fieldsOf(redis, 'firehose_backfill')).map(readEvent)
    assert.ok(fetched.every(({ seq }) => seq === -1))
    const ofRepo = Map.groupBy(
      fetched.filter(({ type }) => type !== 'account'),
      ({ did, commit: of }) => `${String(did)} ${String(of)}`,
    )
    for (const [name, events] of ofRepo)
      assert.equal(events.at(-1)?.['type'], 'repo', `${name} ends with its repo event`)
  }),
)
