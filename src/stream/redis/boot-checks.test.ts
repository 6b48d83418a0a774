import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXIT, SetupError } from '../../lib/errors.ts'
import { judge, type ServerFacts } from './boot-checks.ts'

const sound: ServerFacts = {
  version: '7.0.15',
  maxMemoryBytes: 0,
  evictionPolicy: 'noeviction',
  hasAppendOnlyFile: true,
  hasSnapshots: true,
}

test('accepts a sound server without a word', () => {
  assert.deepEqual(judge(sound), [])
  assert.deepEqual(judge({ ...sound, maxMemoryBytes: 1e9, version: '6.2.0' }), [])
  assert.deepEqual(judge({ ...sound, version: '10.1.0' }), [])
})

test('refuses a server that may evict, and names the command that helps', () => {
  for (const evictionPolicy of [
    'allkeys-lru',
    'allkeys-lfu',
    'volatile-lru',
    'volatile-ttl',
    'allkeys-random',
  ]) {
    assert.throws(
      () => judge({ ...sound, maxMemoryBytes: 1e9, evictionPolicy }),
      (error) =>
        error instanceof SetupError &&
        error.exitCode === EXIT.unsafeConfig &&
        error.message.includes(evictionPolicy) &&
        error.remedy.includes('CONFIG SET maxmemory-policy noeviction'),
    )
  }
  assert.match(judge({ ...sound, evictionPolicy: 'allkeys-lru' })[0] ?? '', /noeviction/)
})

test('refuses a server that is too old', () => {
  for (const version of ['6.0.16', '5.0.3', '0.0.0'])
    assert.throws(() => judge({ ...sound, version }), SetupError)
})

test('warns when nothing, or only snapshots, would survive a restart', () => {
  const none = { ...sound, hasAppendOnlyFile: false, hasSnapshots: false }
  assert.match(judge(none)[0] ?? '', /persists NOTHING.*appendonly yes/)
  assert.match(judge({ ...none, hasSnapshots: true })[0] ?? '', /last snapshot/)
  assert.match(judge({ ...none, hasSnapshots: null })[0] ?? '', /last snapshot/)
})
