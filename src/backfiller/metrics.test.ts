import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkContract } from '../monitoring/contract.ts'
import { checkDeclarations } from '../monitoring/declarations.ts'
import { BACKFILLER_METRICS } from './metrics.ts'

test('the declarations obey the rules and hold every name of the contract', () => {
  assert.deepEqual(checkDeclarations(BACKFILLER_METRICS), [])
  assert.deepEqual(checkContract('backfiller', BACKFILLER_METRICS), [])
})
