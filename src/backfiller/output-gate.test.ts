import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransientError } from '../lib/errors.ts'
import { OutputGate } from './output-gate.ts'

const never = new AbortController().signal

const gateOn = (length: () => Promise<number>, highWaterMark = 10) => {
  const changes: boolean[] = []
  const gate = new OutputGate({
    length,
    highWaterMark,
    checkEveryMs: 1,
    onActiveChange: (active) => changes.push(active),
  })
  return { gate, changes }
}

test('below the mark everybody passes', async () => {
  const { gate, changes } = gateOn(async () => 9)
  await gate.pass(0, never)
  assert.deepEqual(changes, [])
})

test('at the mark everybody waits until the stream is shorter, and the change is told once', async () => {
  let length = 10
  let asked = 0
  const { gate, changes } = gateOn(async () => (asked++, length))
  const waiting = Promise.all([gate.pass(0, never), gate.pass(0, never), gate.pass(0, never)])
  while (asked < 3) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(gate.active, true)
  length = 9
  await waiting
  assert.deepEqual(changes, [true, false])
})

test('the seconds of back-pressure are told while it lasts', async () => {
  let length = 10
  const told: number[] = []
  const gate = new OutputGate({
    length: async () => length,
    highWaterMark: 10,
    checkEveryMs: 1,
    onActiveChange: () => undefined,
    onActiveSeconds: (seconds) => told.push(seconds),
  })
  const since = performance.now()
  const waiting = Promise.all([gate.pass(0, never), gate.pass(0, never)])
  while (told.length < 5) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(gate.active, true)
  length = 9
  await waiting
  const sum = told.reduce((total, seconds) => total + seconds)
  assert.ok(sum > 0 && sum <= (performance.now() - since) / 1000, 'two that wait do not count it twice')
})

test('what was appended since the last look counts before the store is asked again', async () => {
  let asked = 0
  const options = { highWaterMark: 10, checkEveryMs: 60_000, onActiveChange: () => undefined }
  const gate = new OutputGate({ ...options, length: async () => (asked++, 0) })
  await gate.pass(9, never)
  await gate.pass(1, never)
  assert.equal(asked, 1)
  await gate.pass(1, never)
  assert.equal(asked, 2)
})

test('a store that does not answer holds everybody back until it does', async () => {
  let away = 2
  const { gate, changes } = gateOn(async () => {
    if (away-- > 0) throw new TransientError('away')
    return 0
  })
  await gate.pass(0, never)
  assert.deepEqual(changes, [true, false])
})

test('a defect of ours is not mistaken for back-pressure', async () => {
  const { gate } = gateOn(() => Promise.reject(new TypeError('bug')))
  await assert.rejects(gate.pass(0, never), TypeError)
})

test('an abort ends the wait, and the gate still says that it is closed', async () => {
  const stop = new AbortController()
  const { gate } = gateOn(async () => (stop.abort(), 10))
  await gate.pass(0, stop.signal)
  assert.equal(gate.active, true)
})
