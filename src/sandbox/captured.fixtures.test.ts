import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createResolver } from '../atproto/identity.ts'
import { verifyRepo } from '../atproto/repo.ts'
import { fixturesDir, needs } from '../../test/harness/needs.ts'
import { SUBSCRIBE_LABELS } from './names.ts'
import { startSandbox } from './index.ts'
import { fetchCar, fetchJson, readStream, reposStream, running } from './testing.ts'

type Listed = { did: string; head: string; active: boolean }

test(
  'the captured network is a network again: frames, labels, repositories and identities',
  needs('fixtures'),
  async (t) => {
    const sandbox = await running(t, { accounts: 0, serveDir: join(fixturesDir(), 'network') })
    const [relay = '', pds = '', labeler = ''] = [
      ...sandbox.relayUrls,
      ...sandbox.pdsUrls,
      ...sandbox.labelerUrls,
    ]
    const frames = await readStream(reposStream(relay), (seen) => seen.length === 386)
    assert.equal(frames.messages.length, 386)
    const labels = await readStream(`${labeler}${SUBSCRIBE_LABELS}?cursor=1`, (seen) => seen.length > 0)
    assert.ok(labels.messages.length > 0)
    const { repos } = await fetchJson<{ repos: Listed[] }>(`${relay}/xrpc/com.atproto.sync.listRepos`)
    assert.equal(repos.length, 18)
    const resolver = createResolver({
      plcUrl: sandbox.plcUrl,
      handleResolverUrl: pds,
      timeoutMs: 5_000,
      allowHttp: true,
    })
    for (const { did, head } of repos.filter(({ active }) => active)) {
      const facts = await resolver.resolveDid(did)
      assert.equal(facts.pds, pds)
      const options = { did, didKey: facts.signingKey, filter: () => true, maxBytes: 1e8 }
      assert.equal((await verifyRepo(await fetchCar(pds, did), options)).commit, head)
      if (facts.handle !== null) assert.equal(await resolver.resolveHandle(facts.handle), did)
    }
    for (const { did } of repos.filter(({ active }) => !active))
      await assert.rejects(fetchCar(pds, did), /400/)
  },
)

test('loose repositories and frames are served beside a living network', needs('fixtures'), async (t) => {
  const sandbox = await running(t, { serveDir: fixturesDir() })
  assert.equal(sandbox.relayUrls.length, 2)
  const relay = sandbox.relayUrls[1] as string
  const { messages } = await readStream(reposStream(relay, 386), (seen) => seen.length === 4 + 6 + 3)
  assert.equal(messages.length, 13)
  const little = 'did:plc:lulmyldiq4sb2ikags5sfb25'
  const options = { did: little, didKey: null, filter: () => true, maxBytes: 1e8 }
  assert.equal(
    (await verifyRepo(await fetchCar(sandbox.pdsUrls.at(-1) as string, little), options)).keys,
    278,
  )
  const { verificationMethod } = await fetchJson<{ verificationMethod: object[] }>(
    `${sandbox.plcUrl}/did:plc:44ybard66vv44zksje25o7dz`,
  )
  assert.equal(verificationMethod.length, 1)
})

test('a folder without captured data stops the start', async () => {
  await assert.rejects(startSandbox({ accounts: 0, serveDir: import.meta.dirname }), {
    name: 'SetupError',
    exitCode: 64,
  })
})
