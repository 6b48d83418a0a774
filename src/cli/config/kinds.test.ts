import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bool, bytes, duration, int, list, redactUrl, url } from './kinds.ts'
import { nearest } from './nearest.ts'
import { defaultOf, envNamesOf, ROWS } from './settings.ts'
import { levelOfRustLog } from './table/running.ts'

test('times take a unit and a bare number counts milliseconds', () => {
  const time = duration()
  assert.deepEqual(
    ['250', '1500ms', '2s', '1.5s', '5m', '1h', '1d'].map((text) => time.parse(text)),
    [250, 1_500, 2_000, 1_500, 300_000, 3_600_000, 86_400_000],
  )
  assert.deepEqual(['', '-1', '1x', 's', '1 2'].map(time.parse), Array(5).fill(undefined))
})

test('sizes take a unit, in powers of 1024', () => {
  const size = bytes({ min: 1, max: 1024 ** 4 })
  assert.deepEqual(['10', '64KB', '128MB', '1gb'].map(size.parse), [10, 65_536, 134_217_728, 1_073_741_824])
  assert.equal(size.show(134_217_728), '128MB')
})

test('a number outside its range is no value', () => {
  const small = int({ min: 1, max: 3 })
  assert.deepEqual(['0', '1', '3', '4', '2.5', ''].map(small.parse), [
    undefined,
    1,
    3,
    undefined,
    undefined,
    undefined,
  ])
})

test('yes and no have the spellings that people use', () => {
  assert.deepEqual(['true', 'ON', '1', 'no', 'False', '0', 'x'].map(bool.parse), [
    true,
    true,
    true,
    false,
    false,
    false,
    undefined,
  ])
})

test('a list drops empty parts and refuses a wrong one', () => {
  const numbers = list(int({ min: 0 }), 'numbers')
  assert.deepEqual(numbers.parse('1, 2,,3,'), [1, 2, 3])
  assert.equal(numbers.parse('1,x'), undefined)
})

test('passwords in URLs are hidden, whatever they contain', () => {
  const secret = 'hunter2'
  for (const text of [
    `redis://:${secret}@r:6379/0`,
    `postgresql://me:${secret}@db/x`,
    `postgresql://me:p@${secret}@db/x`,
    `postgresql://me:p/${secret}@db/x`,
    `redis://r1:1,r2:2?password=${secret}`,
    `postgresql:///x?user=me&password=${secret}&host=db`,
  ]) {
    assert.doesNotMatch(redactUrl(text), new RegExp(secret), text)
  }
  assert.equal(redactUrl('redis://localhost:6379'), 'redis://localhost:6379')
})

test('a URL must have one of the schemes', () => {
  const kind = url(['redis', 'rediss'], 'redis://x')
  assert.equal(kind.parse('http://x'), undefined)
  assert.equal(kind.parse('redis://'), undefined)
  assert.equal(kind.parse('rediss://a:1,b:2/0'), 'rediss://a:1,b:2/0')
})

test('RUST_LOG is tolerated: the most talkative level named in it counts', () => {
  assert.deepEqual(
    ['info', 'warn', 'ingester=debug,x=info', 'trace', 'off', 'rsky_ingester', ''].map(levelOfRustLog),
    ['info', 'warn', 'debug', 'debug', 'silent', 'info', 'info'],
  )
})

test('the nearest name is found, and nothing when nothing is near', () => {
  assert.equal(nearest('MILLRACE_REDIS_URI', ['MILLRACE_REDIS_URL', 'MILLRACE_DATA']), 'MILLRACE_REDIS_URL')
  assert.equal(nearest('MILLRACE_XYZXYZXYZXYZ', ['MILLRACE_DATA']), null)
})

test('every default of the table is a value of its kind', () => {
  for (const row of ROWS) {
    for (const command of row.commands) {
      const value = defaultOf(row, command)
      if (value === null || (Array.isArray(value) && value.length === 0)) continue
      assert.deepEqual(row.kind.parse(row.kind.show(value)), value, `${row.key} for ${command}`)
    }
  }
})

test('no two settings of one command share a flag or a variable', () => {
  const commands = new Set(ROWS.flatMap((row) => row.commands))
  for (const command of commands) {
    const rows = ROWS.filter((row) => row.commands.includes(command))
    const names = rows.flatMap((row) => [row.flag, ...envNamesOf(row, command).map(({ name }) => name)])
    assert.deepEqual(names, [...new Set(names)], command)
  }
})

test('every setting says in one sentence what it is', () => {
  for (const row of ROWS) assert.match(row.text, /^[A-Z].*[.]$/, row.key)
})
