import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXIT, SetupError } from '../../lib/errors.ts'
import { parseRedisUrl } from './url.ts'

test('understands every form of address', () => {
  const plain = { tls: false, caFile: null, credentials: {} }
  assert.deepEqual(parseRedisUrl('redis://localhost'), {
    ...plain,
    kind: 'single',
    nodes: [{ host: 'localhost', port: 6379 }],
    db: 0,
  })
  assert.deepEqual(parseRedisUrl('rediss://:p%40ss@[::1]:7000/3?ca=/etc/ca.pem'), {
    kind: 'single',
    nodes: [{ host: '::1', port: 7000 }],
    tls: true,
    caFile: '/etc/ca.pem',
    credentials: { password: 'p@ss' },
    db: 3,
  })
  assert.deepEqual(parseRedisUrl('redis+sentinel://u:p@a:1,b/my%20master/2?sentinelPassword=s'), {
    ...plain,
    kind: 'sentinel',
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 26379 },
    ],
    credentials: { username: 'u', password: 'p' },
    master: 'my master',
    db: 2,
    sentinelCredentials: { password: 's' },
  })
  assert.deepEqual(parseRedisUrl('rediss+cluster://a:1,b:2/'), {
    ...plain,
    kind: 'cluster',
    tls: true,
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
  })
})

test('refuses what it does not understand, with the forms, and without repeating a password', () => {
  const wrong = [
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://a,b',
    'redis://a:99999',
    'redis://a/x',
    'redis://:secret@a:b',
    'redis+sentinel://a:1',
    'redis+cluster://a:1/2',
    'redis+ring://a:1',
  ]
  for (const url of wrong) {
    assert.throws(
      () => parseRedisUrl(url),
      (error) =>
        error instanceof SetupError &&
        error.exitCode === EXIT.usage &&
        error.remedy.includes('redis+sentinel') &&
        !error.message.includes('secret'),
      url,
    )
  }
})
