import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransientError } from '../lib/errors.ts'
import { asReaction, isConflict, sqlState } from './sql-error.ts'

const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code })

test('a broken pipe is a lost connection, not a state of SQL', () => {
  assert.equal(sqlState(coded('EPIPE')), null)
  assert.ok(asReaction(coded('EPIPE')) instanceof TransientError)
})

test('overload, shutdown, failover and conflicts are tried again; wrong statements and data are not', () => {
  for (const code of ['08006', '53300', '57P01', '57014', '25006', '40001', '40P01', '55P03', 'ECONNRESET']) {
    assert.ok(asReaction(coded(code)) instanceof TransientError, code)
  }
  for (const code of ['42P01', '22021', '23505', '21000', 'P0001', 'XX000']) {
    const error = coded(code, 'a timeout in its text changes nothing')
    assert.equal(asReaction(error), error, code)
  }
})

test('the state is found through causes', () => {
  const wrapped = new Error('outer', { cause: coded('40P01') })
  assert.equal(sqlState(wrapped), '40P01')
  assert.equal(isConflict(wrapped), true)
  assert.equal(isConflict(coded('42P01')), false)
})
