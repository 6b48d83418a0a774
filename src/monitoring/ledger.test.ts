import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ledger } from './ledger.ts'

const open = () => {
  const queue: string[] = []
  const ledger = new Ledger(['written', 'dropped'], () => queue.length)
  return { queue, ledger }
}

test('a new ledger is empty and balanced', () => {
  const { ledger } = open()
  assert.deepEqual(ledger.account(), { received: 0, inFlight: 0, outcomes: { written: 0, dropped: 0 } })
  assert.equal(ledger.residual(), 0)
})

test('what is received is in flight while a queue holds it, and an outcome afterwards', () => {
  const { ledger, queue } = open()
  ledger.in(3)
  queue.push('a', 'b')
  ledger.out('dropped')
  assert.equal(ledger.residual(), 0)
  ledger.out('written', queue.splice(0).length)
  assert.deepEqual(ledger.account(), { received: 3, inFlight: 0, outcomes: { written: 2, dropped: 1 } })
  assert.equal(ledger.residual(), 0)
})

test('a unit that vanishes shows as a positive residual, one that is counted twice as a negative one', () => {
  const { ledger, queue } = open()
  ledger.in(2)
  queue.push('a', 'b')
  queue.pop()
  assert.equal(ledger.residual(), 1)
  ledger.out('written', 2)
  assert.equal(ledger.residual(), -1)
})

const step = fc.constantFrom('receive', 'write', 'drop', 'lose', 'repeat')

test('the residual is the number of units lost less the number counted twice, after any steps', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { ledger, queue } = open()
      let wrong = 0
      for (const name of steps) {
        if (name === 'receive') ledger.in(queue.push(name) > 0 ? 1 : 0)
        else if (name === 'repeat') wrong--
        else if (queue.pop() === undefined) continue
        else if (name === 'lose') wrong++
        if (name === 'drop') ledger.out('dropped')
        if (name === 'write' || name === 'repeat') ledger.out('written')
        assert.equal(ledger.residual(), wrong)
      }
    }),
  )
})
