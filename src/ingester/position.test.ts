import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SetupError, TransientError } from '../lib/errors.ts'
import { parseCursor, Position, readCheckpoint, startCursor } from './position.ts'
import { openTestLog } from './testing.ts'

test('the first cursor is what is stored, else what is configured, and 0 is not none', () => {
  const table: [number | null, 'live' | number, number | null][] = [
    [null, 'live', null],
    [null, 0, 0],
    [null, 77, 77],
    [0, 'live', 0],
    [0, 77, 0],
    [12, 'live', 12],
    [12, 0, 12],
  ]
  for (const [stored, initial, asked] of table) assert.equal(startCursor(stored, initial), asked)
})

test('a stored cursor that is no sequence number stops the start', () => {
  assert.equal(parseCursor('k', '42'), 42)
  for (const text of ['', 'x', '-1', '1.5', '1e3', '99999999999999999999']) {
    assert.throws(() => parseCursor('k', text), SetupError)
  }
})

test('a cursor is found under the host as it is written, else without its scheme', async () => {
  await using test = await openTestLog()
  const { log } = test
  assert.equal(await readCheckpoint(log, 'firehose_live', 'https://relay.test'), null)
  await log.append('firehose_live', [], { name: 'firehose_live:cursor:relay.test', value: '5' })
  assert.equal((await readCheckpoint(log, 'firehose_live', 'https://relay.test/'))?.value, '5')
  await log.append('firehose_live', [], { name: 'firehose_live:cursor:https://relay.test', value: '9' })
  assert.equal((await readCheckpoint(log, 'firehose_live', 'https://relay.test'))?.value, '9')
  assert.equal((await readCheckpoint(log, 'firehose_live', 'relay.test'))?.value, '5')
})

test('a read that fails is an error, never no cursor', async () => {
  await using test = await openTestLog()
  test.down = true
  await assert.rejects(readCheckpoint(test.log, 'firehose_live', 'relay.test'), TransientError)
})

test('a reconnect asks behind what has been taken in, without looking at the store', async () => {
  let reads = 0
  const position = new Position(async () => (reads++, 5), 0)
  assert.equal(await position.next(), 5)
  position.accept(6, 1)
  position.accept(7, 1)
  assert.equal(await position.next(), 7)
  assert.equal(reads, 1)
})

test('gaps and regressions are told within a connection, not across two', async () => {
  const position = new Position(async () => null, 0)
  await position.next()
  const orders = [
    position.accept(10, 1),
    position.accept(11, 1),
    position.accept(14, 1),
    position.accept(14, 1),
    position.accept(3, 1),
    position.accept(90, 2),
  ]
  assert.deepEqual(
    orders.map(({ order }) => order),
    ['next', 'next', 'gap', 'regression', 'regression', 'next'],
  )
})

test('an outdated cursor gives the lost range at the next frame; asking for everything loses nothing', async () => {
  const position = new Position(async () => 5, 0)
  await position.next()
  position.outdated()
  assert.deepEqual(position.accept(100, 1).lost, { from: 6, to: 99 })
  assert.equal(position.accept(101, 1).lost, null)
  const fromStart = new Position(async () => null, 0)
  await fromStart.next()
  fromStart.outdated()
  assert.equal(fromStart.accept(100, 1).lost, null)
})

test('after a cursor from the future everything is asked for', async () => {
  const position = new Position(async () => 1_000, 'live')
  assert.equal(await position.next(), 1_000)
  position.restart()
  assert.equal(await position.next(), 0)
})
