import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPool } from '../../src/db/pool.ts'
import { apply, at, create, didOf, timeOf } from '../../src/indexer/testing.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { freshDatabase, needs } from '../harness/services.ts'
import { run } from './program.ts'

const [ALICE, BOB] = [didOf('alice'), didOf('bob')]

const EVENTS = [
  create(1, [ALICE, 'post', 'p'], { text: 1, createdAt: timeOf(1) }),
  create(2, [BOB, 'post', '\u001b[2Jx'], { text: 1, createdAt: timeOf(1) }),
  create(3, [BOB, 'post', 'q'], { text: 'x', createdAt: timeOf(1) }, { rev: 'newest' }),
]

type Report = { total: number; drops: Record<string, unknown>[] }

test(
  'millrace drops lists what was dropped as invalid, by reason and by account, as a table and as JSON',
  needs('pg'),
  async () => {
    await using database = await freshDatabase({ migrated: true })
    const drops = (...args: string[]) => run(['drops', '--database-url', database.url, ...args])
    const report = async (...args: string[]): Promise<Report> => {
      const { code, stdout, stderr } = await drops('--json', ...args)
      assert.deepEqual([code, stderr], [0, ''])
      return JSON.parse(stdout) as Report
    }
    assert.match((await drops()).stdout, /^Nothing:/)
    assert.deepEqual(await report(), { total: 0, drops: [] })

    const pool = await openPool({ url: database.url, max: 2, logger: silentLogger })
    await apply(pool, EVENTS).finally(() => pool.close())

    const all = await report()
    assert.equal(all.total, 3)
    assert.deepEqual(
      all.drops.map(({ reason }) => reason),
      ['invalid_rev', 'invalid_record', 'invalid_record'],
    )
    assert.equal(all.drops[2]?.['uri'], at(ALICE, 'post', 'p'))
    assert.match(String(all.drops[2]?.['detail']), /text/)
    assert.equal((await report('--reason', 'invalid_rev,too_deep')).total, 1)
    assert.equal((await report('--did', ALICE)).total, 1)
    assert.equal((await report('--limit', '1')).drops.length, 1)

    const { code, stdout } = await drops('--limit', '2')
    assert.equal(code, 0)
    assert.match(stdout, /seen +reason +what +rev or time +detail/)
    assert.match(stdout, /the newest 2 of 3; --limit shows more/)
    assert.ok(!stdout.includes('\u001b[2J'), 'what a stranger wrote does not clear the screen')
  },
)

test('millrace drops says what is wrong with the question or the database', needs('pg'), async () => {
  await using database = await freshDatabase({ migrated: false })
  const cases: readonly (readonly [string[], number, RegExp])[] = [
    [['--database-url', database.url], 65, /has no list of drops.*millrace migrate/],
    [['--database-url', 'postgresql://127.0.0.1:1/x'], 69, /cannot be used/],
    [['--data', '/nowhere'], 69, /no PostgreSQL was named/],
    [['--reason', 'ugly'], 64, /--reason is "ugly"\. Write some of invalid_record,/],
    [['--did', 'alice'], 64, /--did is "alice"\. Write a DID such as/],
  ]
  for (const [args, expected, says] of cases) {
    const { code, stdout, stderr } = await run(['drops', ...args])
    assert.deepEqual([code, stdout], [expected, ''], args.join(' '))
    assert.match(stderr, says)
  }
})
