import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentCommits } from './recent.ts'

test('what was remembered last is recognised, and memory is bounded', () => {
  const recent = new RecentCommits(100)
  for (let i = 0; i < 1_000; i++) recent.remember([`key ${i}`])
  for (let i = 951; i < 1_000; i++) assert.equal(recent.has(`key ${i}`), true)
  const remembered = Array.from({ length: 1_000 }, (_, i) => recent.has(`key ${i}`)).filter(Boolean).length
  assert.ok(remembered <= 100)
})
