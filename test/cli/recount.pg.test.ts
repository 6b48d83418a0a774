import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { RecountReport } from '../../src/cli/recount/draw.ts'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { temporaryFolder } from '../harness/servers.ts'
import { freshDatabase, needs } from '../harness/services.ts'
import { run } from './program.ts'

const ask = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

const DRIFT = `insert into bsky.post_agg (uri, "likeCount", "quoteCount") values ('at://did:plc:x/app.bsky.feed.post/p', 3, 1)`
const KEPT = `select value::json #>> '{found,likeCount}' as likes from millrace.meta where key = 'recount'`

test(
  'reports and exits 3, repairs and exits 0, finds nothing more; what it found is left for the indexers',
  needs('pg'),
  async () => {
    await using database = await freshDatabase({ migrated: true })
    const recount = (...args: string[]) => run(['recount', '--database-url', database.url, ...args])
    const clean = await recount()
    assert.equal(clean.code, 0, clean.stderr)
    assert.match(clean.stdout, /Every count is what its rows say/)
    await ask(database.url, DRIFT)
    const page = await recount()
    assert.equal(page.code, 3, page.stderr)
    assert.match(page.stdout, /likeCount +3 +0 +at:\/\/did:plc:x\/app\.bsky\.feed\.post\/p/)
    assert.match(page.stdout, /2 wrong\..*millrace recount --repair/)
    assert.deepEqual(await ask(database.url, KEPT), [{ likes: '1' }])
    const repaired = await recount('--repair', '--range-rows', '1', '--json')
    const report = JSON.parse(repaired.stdout) as RecountReport
    assert.deepEqual(
      [repaired.code, report.complete, report.repair, report.found, report.left, report.examples.length],
      [0, true, true, 2, 0, 2],
    )
    const again = await recount('--json')
    assert.deepEqual([again.code, (JSON.parse(again.stdout) as RecountReport).found], [0, 0])
    assert.deepEqual(await ask(database.url, KEPT), [{ likes: '0' }])
  },
)

test(
  'says what to do where there are no tables, no database, or no right to write',
  needs('pg'),
  async () => {
    await using empty = await freshDatabase()
    await using database = await freshDatabase({ migrated: true })
    const reader = `reader_${database.name}`
    await ask(
      database.url,
      `${DRIFT};
    create role ${reader} login password 'x'; grant usage on schema bsky, millrace to ${reader};
    grant select on all tables in schema bsky, millrace to ${reader}`,
    )
    const url = new URL(database.url)
    url.username = reader
    url.password = 'x'
    try {
      const [unready, nowhere, reading, writing] = await Promise.all([
        run(['recount', '--database-url', empty.url]),
        run(['recount', '--data', temporaryFolder('recount-nothing')]),
        run(['recount', '--database-url', url.href]),
        run(['recount', '--database-url', url.href, '--repair']),
      ])
      assert.deepEqual([unready.code, nowhere.code, reading.code, writing.code], [65, 64, 3, 65])
      assert.match(unready.stderr, /millrace migrate/)
      assert.match(nowhere.stderr, /--database-url.*--data/)
      assert.match(reading.stderr, /may not write millrace\.meta/)
      assert.match(writing.stderr, /grant it/i)
    } finally {
      await ask(database.url, `drop owned by ${reader}; drop role ${reader}`)
    }
  },
)

test('the embedded database is recounted while it runs, and when it does not', needs('pg'), async () => {
  const data = temporaryFolder('recount')
  const server = await startEmbeddedPostgres({ dataDir: `${data}/postgres`, logger: silentLogger })
  try {
    const pool = await openPool({ url: server.url, max: 1, logger: silentLogger })
    await migrate(pool)
    await pool.query({ text: DRIFT })
    await pool.close()
    const running = await run(['recount', '--data', data, '--json'])
    assert.deepEqual(
      [running.code, (JSON.parse(running.stdout) as RecountReport).found],
      [3, 2],
      running.stderr,
    )
  } finally {
    await server.stop()
  }
  const stopped = await run(['recount', '--data', data, '--repair'])
  assert.equal(stopped.code, 0, stopped.stderr)
  assert.match(stopped.stdout, /2 wrong, all repaired/)
})

test('its help teaches: what is compared, what is written, what the exit says', async () => {
  const { code, stdout } = await run(['recount', '--help'])
  assert.equal(code, 0)
  for (const word of [/--repair/, /--range-rows/, /--database-url/, /Exit 0/, /indexer_aggregate_drift/])
    assert.match(stdout, word)
})
