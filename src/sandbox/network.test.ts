import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFrame } from '../atproto/frame.ts'
import { createResolver } from '../atproto/identity.ts'
import { parseRepoMessage } from '../atproto/message.ts'
import { verifyRepo } from '../atproto/repo.ts'
import { verifyCommitMessage } from '../atproto/verify-commit.ts'
import type { Sandbox } from './index.ts'
import {
  fetchCar,
  fetchJson,
  naiveRoot,
  readCar,
  readCommit,
  readTree,
  running,
  streamed,
} from './testing.ts'

const resolverOf = ({ plcUrl, pdsUrls }: Sandbox) =>
  createResolver({ plcUrl, handleResolverUrl: pdsUrls[0], timeoutMs: 5_000, allowHttp: true })

const deletedIn = (sandbox: Sandbox): ReadonlySet<string> =>
  new Set(
    sandbox
      .truth()
      .accounts.filter(({ status }) => status === 'deleted')
      .map(({ did }) => did),
  )

test('every repository reads back as the truth says, in the one shape its keys allow', async (t) => {
  const sandbox = await running(t)
  await sandbox.produce(600)
  const truth = sandbox.truth()
  for (const { did, pds, head, rev } of truth.accounts.filter(({ active }) => active)) {
    const car = readCar(await fetchCar(pds, did))
    const commit = readCommit(car)
    const entries = [...readTree(car, commit.data.$link)]
    assert.deepEqual([car.root, commit.did, commit.rev], [head, did, rev])
    assert.equal(commit.data.$link, naiveRoot(entries))
    assert.deepEqual(
      new Map(entries.map(([key, cid]) => [`at://${did}/${key}`, cid])),
      new Map(truth.records.filter((record) => record.did === did).map(({ uri, cid }) => [uri, cid])),
    )
    for (const [, cid] of entries) assert.ok(car.blocks.has(cid))
  }
})

test('every active repository is signed by the key of its identity, did:web and both curves included', async (t) => {
  const sandbox = await running(t)
  await sandbox.produce(200)
  const resolver = resolverOf(sandbox)
  for (const { did, pds, handle } of sandbox.truth().accounts.filter(({ active }) => active)) {
    const facts = await resolver.resolveDid(did)
    assert.deepEqual([facts.pds, facts.handle], [pds, handle])
    assert.equal(await resolver.resolveHandle(handle), did)
    const options = { did, didKey: facts.signingKey, filter: () => true, maxBytes: 1e8 }
    const repo = await verifyRepo(await fetchCar(pds, did), options)
    for (const _ of repo.records);
    assert.deepEqual(repo.passed, { filtered: 0, invalid_path: 0, bad_record: 0 })
  }
})

test('every commit frame is signed, follows the one before and can be undone', async (t) => {
  const sandbox = await running(t, { backfillShare: 0.3 })
  const heads = new Map(sandbox.truth().accounts.map(({ did, rev }) => [did, rev]))
  await sandbox.produce(1_500)
  const resolver = resolverOf(sandbox)
  const keys = new Map<string, string>()
  const types = new Set<string>()
  const deleted = deletedIn(sandbox)
  for (const { bytes } of await streamed(sandbox)) {
    const frame = decodeFrame(bytes)
    assert.ok('kind' in frame && frame.kind === 'message')
    const message = parseRepoMessage(frame)
    assert.ok('type' in message)
    types.add(message.type)
    if (message.type === 'sync') heads.set(message.did, message.rev)
    if (message.type !== 'commit') continue
    const { repo, since, rev } = message
    assert.equal(since, heads.get(repo))
    assert.ok(since !== null && rev > since)
    heads.set(repo, rev)
    // The directory forgets the deleted: their keys cannot be asked for any more.
    if (deleted.has(repo)) continue
    const key = keys.get(repo) ?? (await resolver.resolveDid(repo)).signingKey ?? ''
    keys.set(repo, key)
    const verdict = verifyCommitMessage(message, key)
    assert.deepEqual([verdict.valid, verdict.valid ? verdict.inverted : verdict.flaw], [true, true])
  }
  assert.deepEqual([...types].sort(), ['account', 'commit', 'identity', 'sync'])
})

test('the live frames alone rebuild every repository that was empty before', async (t) => {
  const sandbox = await running(t, { backfillShare: 0, relays: 2 })
  await sandbox.produce(800)
  const truth = sandbox.truth()
  const deleted = deletedIn(sandbox)
  for (const relay of [0, 1]) {
    const records = new Map<string, string>()
    const active = new Map<string, boolean>()
    for (const { header, body } of await streamed(sandbox, relay)) {
      const timed = body as { did?: string; active?: boolean; status?: string; time: string }
      if (header.t === '#account' && timed.did !== undefined) active.set(timed.did, timed.active ?? false)
      if (header.t !== '#commit') continue
      for (const { path, cid } of body['ops'] as { path: string; cid: { $link: string } | null }[]) {
        const uri = `at://${body['repo'] as string}/${path}`
        if (cid === null) records.delete(uri)
        else records.set(uri, cid.$link)
      }
    }
    for (const uri of records.keys()) if (deleted.has(uri.split('/')[2] as string)) records.delete(uri)
    assert.deepEqual(records, new Map(truth.records.map(({ uri, cid }) => [uri, cid])))
    for (const did of deleted) assert.equal(active.get(did), false)
  }
})

test('the truth over HTTP is the truth', async (t) => {
  const sandbox = await running(t)
  await sandbox.produce(100)
  const { records, ...rest } = sandbox.truth()
  const { records: served, ...others } = await fetchJson<ReturnType<Sandbox['truth']>>(
    `${sandbox.controlUrl}/truth`,
  )
  assert.deepEqual(others, rest)
  assert.deepEqual(served, records)
})

test('a listing in pages names every account once', async (t) => {
  const sandbox = await running(t)
  const dids: string[] = []
  for (let cursor: string | undefined = '0'; cursor !== undefined;) {
    const url = `${sandbox.relayUrls[0]}/xrpc/com.atproto.sync.listRepos?limit=5&cursor=${cursor}`
    const page: { repos: { did: string }[]; cursor?: string } = await fetchJson(url)
    dids.push(...page.repos.map(({ did }) => did))
    cursor = page.cursor
  }
  assert.deepEqual(
    dids,
    sandbox.truth().accounts.map(({ did }) => did),
  )
  assert.equal(dids.length, 12)
})

test('an account that moved is served by its new host only, and the relay leads there', async (t) => {
  const sandbox = await running(t)
  const homes = new Map(sandbox.truth().accounts.map(({ did, pds }) => [did, pds]))
  await sandbox.produce(1_000)
  const moved = sandbox
    .truth()
    .accounts.find(({ did, pds, active }) => active && (homes.get(did) ?? pds) !== pds)
  assert.ok(moved, 'somebody has moved')
  const path = `/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(moved.did)}`
  const old = await fetch(`${homes.get(moved.did)}${path}`)
  assert.deepEqual([old.status, ((await old.json()) as { error: string }).error], [400, 'RepoDeactivated'])
  const car = new Uint8Array(await (await fetch(`${sandbox.relayUrls[0]}${path}`)).arrayBuffer())
  assert.equal(readCar(car).root, moved.head)
})

test('what is scheduled is produced at its rate, and then the network is done', async (t) => {
  const sandbox = await running(t, { records: 600, ratePerSecond: 20_000 })
  await sandbox.done
  const created = Object.values(sandbox.truth().produced).reduce((sum, { create }) => sum + create, 0)
  assert.ok(created >= 600)
  const { events } = await fetchJson<{ events: number }>(sandbox.controlUrl)
  const response = await fetch(`${sandbox.controlUrl}/produce?n=5`, { method: 'POST' })
  assert.ok(((await response.json()) as { events: number }).events >= events + 5)
  assert.equal((await fetch(`${sandbox.controlUrl}/rate?perSecond=nothing`, { method: 'POST' })).status, 400)
})
