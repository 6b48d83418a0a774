import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { createClient } from 'redis'
import { rmSync } from 'node:fs'
import { temporaryFolder } from './servers.ts'
import { freshDatabase, freshRedis, redisUrl } from './services.ts'

test('the shared Redis answers', async () => {
  const client = createClient({ url: await redisUrl() })
  await client.connect()
  assert.equal(await client.ping(), 'PONG')
  await client.close()
})

test('a Redis of its own takes settings, and keeps its data over a kill when it writes them', async (t) => {
  const dir = temporaryFolder('kept')
  const args = ['--appendonly', 'yes', '--appendfsync', 'always']
  const first = await freshRedis({ dir, args })
  const client = createClient({ url: first.url, socket: { reconnectStrategy: false } })
  client.on('error', () => {})
  await client.connect()
  await client.set('k', 'v')
  await first.kill()
  await using second = await freshRedis({ dir, args })
  const again = createClient({ url: second.url })
  await again.connect()
  assert.equal(await again.get('k'), 'v')
  await again.close()
  t.after(() => rmSync(dir, { recursive: true, force: true }))
})

test('a fresh database is empty, apart from others, and gone afterwards', async () => {
  const database = await freshDatabase()
  const other = await freshDatabase()
  assert.notEqual(database.url, other.url)
  const client = new pg.Client({ connectionString: database.url })
  client.on('error', () => {})
  await client.connect()
  const tables = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
  assert.equal(tables.rowCount, 0)
  await database[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  const gone = new pg.Client({ connectionString: database.url })
  await assert.rejects(gone.connect(), /does not exist/)
})

test('a migrated database is a copy with all tables', async () => {
  const made = await Promise.all([freshDatabase({ migrated: true }), freshDatabase({ migrated: true })])
  for (const database of made) {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    const tables = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'bsky'")
    assert.equal(tables.rowCount, 56)
    await client.end()
    await database[Symbol.asyncDispose]()
  }
})
