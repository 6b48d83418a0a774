import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { IdentityError, type DidFacts, type IdentityErrorReason } from '../atproto/identity.ts'
import { TransientError } from '../lib/errors.ts'
import { openEmbeddedLog } from '../stream/embedded/index.ts'
import type { Log } from '../stream/log.ts'
import { Hosts } from './hosts.ts'
import { Identities, type LookupSource } from './identities.ts'

const never = new AbortController().signal
const did = 'did:plc:abc'
const facts: DidFacts = { did, handle: null, signingKey: 'did:key:zA', pds: 'https://pds.example.com' }

const openLog = async (t: TestContext): Promise<Log> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-'))
  const log = await openEmbeddedLog({ dataDir })
  t.after(async () => {
    await log[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true })
  })
  return log
}

const identitiesOn = (log: Log, answer: (did: string) => Promise<DidFacts>, maxEntries = 10) => {
  const sources: LookupSource[] = []
  const identities = new Identities({
    log,
    resolver: { resolveDid: answer },
    directories: new Hosts({ concurrency: 10, perHost: 10, patienceMs: 0 }),
    allowHttp: false,
    maxEntries,
    memoryTtlMs: 60_000,
    sharedTtlMs: 60_000,
    onLookup: (source) => sources.push(source),
  })
  return { identities, sources }
}

test('network, then memory; a second process finds it in the shared cache, under the keys of rsky', async (t) => {
  const log = await openLog(t)
  const first = identitiesOn(log, async () => facts)
  const expected = { pds: 'https://pds.example.com', signingKey: 'did:key:zA' }
  assert.deepEqual(await first.identities.find(did, never), { ...expected, fresh: true })
  assert.deepEqual(await first.identities.find(did, never), { ...expected, fresh: false })
  assert.deepEqual(first.sources, ['network', 'memory'])
  assert.equal(await log.cacheGet(`did:key:${did}`), 'did:key:zA')
  assert.equal(await log.cacheGet(`did:pds:${did}`), 'https://pds.example.com')
  const second = identitiesOn(log, () => assert.fail('not asked'))
  assert.deepEqual(await second.identities.find(did, never), { ...expected, fresh: false })
  assert.deepEqual(second.sources, ['shared'])
})

test('a refresh goes past both caches and fills them anew', async (t) => {
  const log = await openLog(t)
  await log.cacheSet(`did:key:${did}`, 'did:key:zOld', 60_000)
  await log.cacheSet(`did:pds:${did}`, 'https://old.example.com', 60_000)
  const { identities } = identitiesOn(log, async () => facts)
  assert.equal((await identities.find(did, never)).pds, 'https://old.example.com')
  assert.deepEqual(await identities.refresh(did, never), {
    pds: facts.pds,
    signingKey: facts.signingKey,
    fresh: true,
  })
  assert.equal((await identities.find(did, never)).pds, 'https://pds.example.com')
  assert.equal(await log.cacheGet(`did:key:${did}`), 'did:key:zA')
})

test('half a cached identity, or one that leads into an inner network, is not used', async (t) => {
  const log = await openLog(t)
  const { identities, sources } = identitiesOn(log, async () => facts)
  await log.cacheSet(`did:key:${did}`, 'did:key:zOld', 60_000)
  await identities.find(did, never)
  await log.cacheSet('did:key:did:plc:b', 'did:key:zOld', 60_000)
  await log.cacheSet('did:pds:did:plc:b', 'http://127.0.0.1:80', 60_000)
  await identities.find('did:plc:b', never)
  assert.deepEqual(sources, ['network', 'network'])
})

test('many who ask for one DID at once make one look-up', async (t) => {
  const { identities, sources } = identitiesOn(await openLog(t), async () => facts)
  await Promise.all(Array.from({ length: 20 }, () => identities.find(did, never)))
  assert.deepEqual(sources, ['network'])
})

test('memory holds the newest only', async (t) => {
  const log = await openLog(t)
  const { identities, sources } = identitiesOn(log, async (did) => ({ ...facts, did }), 2)
  for (const name of ['a', 'b', 'c', 'c', 'b', 'a']) await identities.find(`did:plc:${name}`, never)
  assert.deepEqual(sources, ['network', 'network', 'network', 'memory', 'memory', 'shared'])
})

const REASONS: Readonly<Record<IdentityErrorReason, string>> = {
  not_found: 'did_not_found',
  tombstoned: 'did_tombstoned',
  bad_document: 'did_document_invalid',
  unsupported_method: 'did_unsupported',
}

for (const [given, reason] of Object.entries(REASONS)) {
  test(`a DID that is ${given} fails as ${reason}`, async (t) => {
    const error = new IdentityError(given as IdentityErrorReason, 'x')
    const { identities } = identitiesOn(await openLog(t), () => Promise.reject(error))
    await assert.rejects(identities.find(did, never), { name: 'RepoFailure', reason })
  })
}

test('a document without a PDS fails as no_pds', async (t) => {
  const { identities } = identitiesOn(await openLog(t), async () => ({ ...facts, pds: null }))
  await assert.rejects(identities.find(did, never), { reason: 'no_pds' })
})

test('a directory that is away costs one repo an attempt, the others wait and keep theirs', async (t) => {
  const { identities } = identitiesOn(await openLog(t), () => Promise.reject(new TransientError('away')))
  await assert.rejects(identities.find(did, never), { reason: 'did_unavailable' })
  await assert.rejects(identities.find('did:plc:b', never), { reason: 'rate_limited' })
  // Another directory is not concerned.
  await assert.rejects(identities.find('did:web:example.com', never), { reason: 'did_unavailable' })
})
