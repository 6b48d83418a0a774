import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort, freshDatabase, freshRedis, needs } from '../harness/services.ts'
import { run, type Ended } from './program.ts'

const refuses = ({ code, stdout, stderr }: Ended, expected: number, says: RegExp): void => {
  assert.equal(code, expected, stderr)
  const sentences = stderr.split('\n').filter((line) => line.startsWith('millrace: '))
  assert.equal(sentences.length, 1, stderr)
  assert.match(sentences[0] ?? '', says)
  assert.equal(stdout, '')
}

const nowhere = async (scheme: string): Promise<string> =>
  `${scheme}://me:hunter2@127.0.0.1:${await freePort()}/0`

test('a Redis that does not answer stops the start with exit code 69 and no password', async () => {
  const ended = await run(['ingester', '--redis-url', await nowhere('redis'), '--redis-wait', '200ms'])
  refuses(ended, 69, /Redis/)
  assert.doesNotMatch(ended.stderr, /hunter2/)
})

test(
  'a Redis that may evict what is entrusted to it stops the start with exit code 78',
  needs('redis'),
  async () => {
    await using redis = await freshRedis({
      args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
    })
    refuses(await run(['ingester', '--redis-url', redis.url]), 78, /maxmemory-policy/)
  },
)

test('a PostgreSQL that does not answer stops the start with exit code 69 and no password', async () => {
  const ended = await run(['migrate', '--database-url', await nowhere('postgresql')])
  refuses(ended, 69, /PostgreSQL at 127.0.0.1/)
  assert.doesNotMatch(ended.stderr, /hunter2/)
})

test('a database that does not exist stops the start with exit code 69', needs('pg'), async () => {
  await using database = await freshDatabase()
  const url = database.url.replace(database.name, 'no_such_database')
  refuses(await run(['migrate', '--database-url', url]), 69, /no_such_database.*createdb/)
})

test('migrate creates what is missing once, and says so', needs('pg'), async () => {
  await using database = await freshDatabase()
  const first = await run(['migrate', '--database-url', database.url])
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /created the tables of schema bsky/)
  const second = await run(['migrate', '--database-url', database.url, '--json'])
  assert.deepEqual(JSON.parse(second.stdout), { created: false, applied: [] })
})

test(
  'a database without the tables stops the indexer with exit code 65 and names migrate',
  needs('redis', 'pg'),
  async () => {
    await using redis = await freshRedis()
    await using database = await freshDatabase()
    const ended = await run(['indexer', '--redis-url', redis.url, '--database-url', database.url])
    refuses(ended, 65, /millrace migrate/)
  },
)

test('a data folder that is damaged stops the start with exit code 65', async () => {
  const data = await mkdtemp(join(tmpdir(), 'millrace-test-data-'))
  try {
    await mkdir(join(data, 'streams'))
    await writeFile(
      join(data, 'streams', 'log.db'),
      'this is no database, and longer than a header would be'.repeat(100),
    )
    refuses(await run(['up', '--data', data]), 65, /streams/)
  } finally {
    await rm(data, { recursive: true })
  }
})
