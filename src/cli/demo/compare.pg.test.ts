import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../../../test/harness/needs.ts'
import { freshDatabase } from '../../../test/harness/services.ts'
import { migrate } from '../../db/migrate.ts'
import { openPool, type Pool } from '../../db/pool.ts'
import { silentLogger } from '../../lib/logger.ts'
import { compare } from './compare.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const STRANGER = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const like = (rkey: string, did = DID): string => `at://${did}/app.bsky.feed.like/${rkey}`
const post = (rkey: string): string => `at://${DID}/app.bsky.feed.post/${rkey}`

const truth = (records: readonly (readonly [uri: string, cid: string])[]) => ({
  records: records.map(([uri, cid]) => ({
    uri,
    cid,
    did: DID,
    rev: '',
    collection: uri.split('/')[3] ?? '',
  })),
  accounts: [{ did: DID, handle: '', active: true, status: null, rev: '', head: '', pds: '' }],
})

const insert = (pool: Pool, rows: readonly (readonly [uri: string, cid: string])[]) =>
  pool.query({
    text: `INSERT INTO bsky.record (uri, cid, did, json, "indexedAt")
           SELECT uri, cid, split_part(uri, '/', 3), '{}', '' FROM unnest($1::text[], $2::text[]) AS t (uri, cid)`,
    values: [rows.map(([uri]) => uri), rows.map(([, cid]) => cid)],
  })

test(
  'the demo compares sets of (uri, cid), so equal counts do not hide a difference',
  needs('pg'),
  async () => {
    await using database = await freshDatabase()
    const pool = await openPool({ url: database.url, max: 2, logger: silentLogger })
    try {
      await migrate(pool)
      await insert(pool, [
        [like('1'), 'c1'],
        [like('2'), 'old'],
        [like('9'), 'c9'],
        [post('1'), ''],
        [like('1', STRANGER), 'c1'],
      ])
      const network = truth([
        [like('1'), 'c1'],
        [like('2'), 'c2'],
        [like('3'), 'c3'],
        [post('2'), 'p2'],
        [`at://${DID}/com.example.thing/1`, 'x'],
      ])
      const result = await compare(pool, network, (collection) => collection.startsWith('app.bsky.'))
      assert.deepEqual(result, {
        isComplete: false,
        collections: [
          { collection: 'app.bsky.feed.like', produced: 3, indexed: 1, missing: 2, surplus: 1 },
          { collection: 'app.bsky.feed.post', produced: 1, indexed: 0, missing: 1, surplus: 0 },
        ],
        differences: [
          { uri: like('2'), expected: 'c2', found: 'old' },
          { uri: like('3'), expected: 'c3', found: null },
          { uri: like('9'), expected: null, found: 'c9' },
          { uri: post('2'), expected: 'p2', found: null },
        ],
      })
      const equal = truth([
        [like('1'), 'c1'],
        [like('2'), 'old'],
        [like('9'), 'c9'],
      ])
      assert.equal((await compare(pool, equal, () => true)).isComplete, true)
    } finally {
      await pool.close()
    }
  },
)
