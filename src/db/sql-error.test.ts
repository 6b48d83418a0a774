import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransientError } from '../lib/errors.ts'
import { asReaction, errorClass, isConflict, sqlState } from './sql-error.ts'

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

test('a database that is restored, renamed or shut down is waited for, and so is a full disk', () => {
  for (const code of ['55000', '3D000', '57P01', '57P03', '57P04', '58030', '25P03', '25P04']) {
    assert.ok(asReaction(coded(code)) instanceof TransientError, code)
  }
})

const CLASSES = {
  connection: ['08006', '57P01', '3D000', '55000', '28P01', '25006', 'ECONNREFUSED', 'EPIPE'],
  deadlock: ['40P01'],
  serialization: ['40001'],
  timeout: ['57014', '55P03', '25P03'],
  constraint: ['23505', '23502'],
  data: ['22021', '54000'],
  resources: ['53300', '53100', '58030'],
  other: ['42P01', 'XX000', 'P0001'],
} as const

for (const [name, codes] of Object.entries(CLASSES)) {
  test(`${codes.join(', ')} count as ${name}, also as the cause of what is thrown`, () => {
    for (const code of codes) {
      assert.equal(errorClass(coded(code)), name, code)
      assert.equal(errorClass(new TransientError('x', { cause: coded(code) })), name, code)
    }
  })
}

test('a wait that ended in vain is a timeout, and what PostgreSQL has no part in is no class at all', () => {
  assert.equal(errorClass(new Error('timeout exceeded when trying to connect')), 'timeout')
  assert.equal(errorClass(new Error('Query read timeout')), 'timeout')
  assert.equal(errorClass(new Error('Connection terminated unexpectedly')), 'connection')
  assert.equal(errorClass(new RangeError('ours')), null)
  assert.equal(errorClass('no error'), null)
})
