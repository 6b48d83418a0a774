import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entriesOf, FakeUpstream, openTestLog, startIngester, until, type HttpAnswer } from './testing.ts'

const didOf = (i: number): string => `did:plc:n${String(i).padStart(6, '0')}`

/** A relay whose cursors are the index of the last repo listed; `bad` indexes make every page that holds one fail. */
const listing =
  (total: number, bad: (index: number) => boolean = () => false) =>
  (query: URLSearchParams): HttpAnswer => {
    const from = Number(query.get('cursor') ?? '0')
    const to = Math.min(total, from + Number(query.get('limit')))
    const indexes = Array.from({ length: Math.max(0, to - from) }, (_item, i) => from + i + 1)
    if (indexes.some(bad)) return { status: 500, body: { error: 'InternalServerError' } }
    const repos = indexes.map((i) => ({ did: didOf(i), head: 'bafy', rev: '3l4cjkha6a7x2', active: true }))
    return { body: { repos, ...(to < total && { cursor: String(to) }) } }
  }

const setUp = async (onPage: FakeUpstream['onPage']) => {
  const stack = new AsyncDisposableStack()
  const store = stack.use(await openTestLog())
  const relay = stack.use(await FakeUpstream.start())
  relay.onPage = onPage
  const key = `repo_backfill:cursor:${relay.host}`
  const start = () => stack.use(startIngester({ log: store.log, mode: 'backfill', relayHosts: [relay.host] }))
  const done = () =>
    until('the list is done', async () => (await store.log.checkpoint(key)) === '!ingester-done')
  const listed = async () => (await entriesOf(store.log, 'repo_backfill')).map(({ did }) => did)
  return { stack, store, relay, key, start, done, listed }
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_item, i) => didOf(from + i))

test('every repo of the list is queued once, and the end is saved with the last of them', async () => {
  const { stack, start, done, listed, relay } = await setUp(listing(2_500))
  await using _ = stack
  const ingester = start()
  await done()
  assert.deepEqual(await listed(), range(1, 2_500))
  assert.deepEqual(
    relay.pages.map((page) => page.get('cursor')),
    [null, '1000', '2000'],
  )
  assert.equal(await ingester.metric('ingester_backfill_repos_fetched_total'), 2_500)
  assert.equal(await ingester.metric('ingester_backfill_repos_written_total'), 2_500)
  assert.equal(await ingester.metric('ingester_backfill_complete'), 1)
})

test('a finished list is not walked again by a restart, but by a cursor of 0', async () => {
  const { stack, store, start, relay, key, listed } = await setUp(listing(3))
  await using _ = stack
  await store.log.append('repo_backfill', [], { name: key, value: '!ingester-done' })
  const ingester = start()
  await until('it rests', async () => (await ingester.status.status()).upstreams[0]?.state === 'done')
  assert.equal(await ingester.metric('ingester_backfill_complete'), 1)
  assert.equal(relay.pages.length, 0)
  await store.log.append('repo_backfill', [], { name: key, value: '0' })
  await until('it is walked', async () => (await listed()).length === 3)
})

test('one repo that makes its pages fail costs itself alone, and its place is kept', async () => {
  const { stack, store, start, done, listed, relay } = await setUp(listing(1_500, (i) => i === 700))
  await using _ = stack
  const ingester = start()
  await done()
  assert.deepEqual(await listed(), [...range(1, 699), ...range(701, 1_500)])
  assert.equal(await ingester.metric('ingester_backfill_cursor_skips_total'), 1)
  const skipped = (await store.log.checkpoint(`repo_backfill:skipped:${relay.host}`)) ?? ''
  assert.partialDeepStrictEqual(JSON.parse(skipped), [{ from: '699', to: '700' }])
  assert.match((await ingester.status.status()).problems[0]?.what ?? '', /after cursor 699 up to 700/)
})

test('a run of repos that fail is passed exactly, at the very beginning as well', async () => {
  const bad = (i: number) => i <= 3 || (i >= 20 && i <= 57)
  const { stack, store, start, done, listed, relay } = await setUp(listing(100, bad))
  await using _ = stack
  start()
  await done()
  assert.deepEqual(await listed(), [...range(4, 19), ...range(58, 100)])
  const skipped = (await store.log.checkpoint(`repo_backfill:skipped:${relay.host}`)) ?? ''
  assert.partialDeepStrictEqual(JSON.parse(skipped), [
    { from: '0', to: '3' },
    { from: '19', to: '57' },
  ])
})

test('a relay that is down for a while loses nothing, however long it takes', async () => {
  let down = true
  const list = listing(10)
  const { stack, start, done, listed, relay } = await setUp((query) =>
    down ? { status: 502, body: '<html>' } : list(query),
  )
  await using _ = stack
  const ingester = start()
  await until('it has looked far ahead in vain', () => relay.pages.length > 60)
  down = false
  await done()
  assert.deepEqual(await listed(), range(1, 10))
  assert.equal(await ingester.metric('ingester_backfill_cursor_skips_total'), 0)
  assert.ok((await ingester.metric('ingester_backfill_fetch_errors_total')) >= 60)
})

test('a refused cursor begins the list again, once', async () => {
  const list = listing(1_200)
  const { stack, store, start, done, relay, key } = await setUp((query) =>
    query.get('cursor') === 'stale' ? { status: 400, body: { error: 'InvalidRequest' } } : list(query),
  )
  await using _ = stack
  await store.log.append('repo_backfill', [], { name: key, value: 'stale' })
  const ingester = start()
  await done()
  assert.deepEqual(
    relay.pages.map((page) => page.get('cursor')),
    ['stale', null, '1000'],
  )
  assert.equal(await ingester.metric('ingester_backfill_cursor_reset_total'), 1)
})

test('an opaque cursor that always fails is tried on, said so, and never skipped', async () => {
  let broken = true
  const { stack, store, start, done, relay, key } = await setUp((query) => {
    if (query.get('cursor') === null) return { body: { repos: [{ did: didOf(1) }], cursor: 'a9f' } }
    return broken ? { status: 500, body: {} } : { body: { repos: [{ did: didOf(2) }] } }
  })
  await using _ = stack
  const ingester = start()
  const problem = async () => (await ingester.status.status()).problems[0]?.what ?? ''
  await until('it is stuck', async () => /cannot be stepped over/.test(await problem()))
  assert.equal(await store.log.checkpoint(key), 'a9f')
  assert.ok(relay.pages.every((page) => [null, 'a9f'].includes(page.get('cursor'))))
  broken = false
  await done()
})

test('a cursor that leads to itself is a failure, not a loop', async () => {
  const { stack, start, relay } = await setUp(() => ({
    body: { repos: [{ did: didOf(1) }], cursor: 'same' },
  }))
  await using _ = stack
  const ingester = start()
  await until('it fails', async () => (await ingester.metric('ingester_backfill_fetch_errors_total')) > 0)
  assert.equal(await ingester.metric('ingester_backfill_repos_written_total'), 1)
  assert.ok(relay.pages.length > 0)
})

test('429 is waited out and makes no page smaller', async () => {
  const list = listing(5)
  let busy = 5
  const { stack, start, done, relay } = await setUp((query) =>
    busy-- > 0 ? { status: 429, headers: { 'retry-after': '0' }, body: {} } : list(query),
  )
  await using _ = stack
  start()
  await done()
  assert.deepEqual([...new Set(relay.pages.map((page) => page.get('limit')))], ['1000'])
})

test('while the store is away a page is kept, and its cursor never leads it', async () => {
  const { stack, store, start, done, listed } = await setUp((query) => {
    store.down = query.get('cursor') === '1000'
    return listing(2_000)(query)
  })
  await using _ = stack
  const ingester = start()
  await until('it keeps trying', async () => (await ingester.metric('ingester_append_retries_total')) > 3)
  store.down = false
  assert.deepEqual(await listed(), range(1, 1_000))
  await done()
  assert.deepEqual(await listed(), range(1, 2_000))
})
