import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsOf } from './needs.ts'

test('what a test file needs is told by its name', () => {
  assert.deepEqual(needsOf('src/stream/codec.test.ts'), [])
  assert.deepEqual(needsOf('src/stream/log.redis.test.ts'), ['redis'])
  assert.deepEqual(needsOf('test/e2e/all.redis.pg.test.ts'), ['redis', 'pg'])
  assert.deepEqual(needsOf('src/atproto/car.fixtures.test.ts'), ['fixtures'])
})
