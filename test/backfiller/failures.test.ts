import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { FailureReason } from '../../src/backfiller/classify.ts'
import {
  entriesOf,
  eventsOf,
  openTestLog,
  openTestNetwork,
  queue,
  startBackfiller,
  until,
  untilDrained,
} from './testing.ts'

type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** A host under the test's control: a directory and a PDS in one. */
const openHost = async (
  t: TestContext,
  answers: { document?: Answer; getRepo?: Answer; getRepoStatus?: Answer },
) => {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host')
    if (pathname.endsWith('getRepoStatus')) return (answers.getRepoStatus ?? json(404, {}))(response, request)
    if (pathname.endsWith('getRepo')) return (answers.getRepo ?? json(404, {}))(response, request)
    return (answers.document ?? json(200, documentOf(url)))(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return url
}

const json =
  (status: number, body: object): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const CAR = { 'content-type': 'application/vnd.ipld.car' }

const documentOf = (pds: string | null, key = KEY) => ({
  id: did,
  verificationMethod: [{ id: '#atproto', type: 'Multikey', controller: did, publicKeyMultibase: key }],
  service:
    pds === null ? [] : [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pds }],
})
/** A public key of secp256k1 that signs nothing here (the example of the did:key specification). */
const KEY = 'zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme'

type Case = readonly [what: string, answers: Parameters<typeof openHost>[1], reason: FailureReason]

const SKIPPED: readonly Case[] = [
  ['a DID that the directory does not know', { document: json(404, {}) }, 'did_not_found'],
  ['a DID that was tombstoned', { document: json(410, {}) }, 'did_tombstoned'],
  ['a document without a PDS', { document: json(200, documentOf(null)) }, 'no_pds'],
  ['RepoNotFound', { getRepo: json(400, { error: 'RepoNotFound' }) }, 'repo_not_found'],
  ['RepoDeactivated', { getRepo: json(400, { error: 'RepoDeactivated' }) }, 'repo_deactivated'],
  ['RepoTakendown', { getRepo: json(400, { error: 'RepoTakendown' }) }, 'repo_takendown'],
  ['RepoSuspended', { getRepo: json(400, { error: 'RepoSuspended' }) }, 'repo_suspended'],
  [
    'a refusal without a known name, where getRepoStatus says suspended',
    {
      getRepo: json(400, { error: 'InvalidRequest' }),
      getRepoStatus: json(200, { active: false, status: 'suspended' }),
    },
    'repo_suspended',
  ],
  [
    'a 404, where getRepoStatus says RepoNotFound',
    { getRepo: json(404, {}), getRepoStatus: json(400, { error: 'RepoNotFound' }) },
    'repo_not_found',
  ],
]

for (const [what, answers, reason] of SKIPPED) {
  test(`${what} is a skip: acknowledged, counted as ${reason}, neither processed nor failed`, async (t) => {
    const [log, plcUrl] = [await openTestLog(t), await openHost(t, answers)]
    const running = startBackfiller(t, { log, plcUrl })
    await queue(log, [did])
    await untilDrained(log)
    await running.stop()
    assert.equal(await running.metric(`backfiller_repos_skipped_total{reason="${reason}"}`), 1)
    assert.equal(await running.metric('backfiller_repos_processed_total'), 0)
    assert.equal(await running.metric('backfiller_repos_failed_total'), 0)
    assert.deepEqual(await entriesOf(log, 'repo_backfill_dlq'), [])
    assert.equal(await running.metric('backfiller_repos_running'), 0)
    const status = /^repo_(deactivated|takendown|suspended)$/.exec(reason)?.[1]
    const told = (await eventsOf(log)).map((event) => (event.type === 'account' ? event.status : event.type))
    assert.deepEqual(told, status === undefined ? [] : [status])
  })
}

const body =
  (...bytes: number[]): Answer =>
  (response) =>
    response.writeHead(200, CAR).end(Buffer.from(bytes))

const CLOSED = 'http://127.0.0.1:1'

const FAILED: readonly Case[] = [
  ['a document that is not one', { document: json(200, { id: 'did:plc:other' }) }, 'did_document_invalid'],
  ['a directory in trouble', { document: json(503, {}) }, 'did_unavailable'],
  [
    'a document without a key',
    { document: json(200, { ...documentOf(CLOSED), verificationMethod: [] }) },
    'no_signing_key',
  ],
  ['a PDS that is not there', { document: json(200, documentOf(CLOSED)) }, 'unreachable'],
  ['a PDS that says nothing', { getRepo: () => undefined }, 'timeout'],
  [
    'a CAR that stops in the middle for ever',
    { getRepo: (response) => void response.writeHead(200, CAR).write('x') },
    'interrupted',
  ],
  [
    'a CAR that breaks off',
    { getRepo: (response) => void response.writeHead(200, CAR).write('x', () => response.destroy()) },
    'interrupted',
  ],
  [
    'a redirect',
    { getRepo: (response) => void response.writeHead(302, { location: CLOSED }).end() },
    'http_3xx',
  ],
  ['a refusal that nobody explains', { getRepo: json(403, { error: 'Forbidden' }) }, 'http_4xx'],
  ['an error of the server', { getRepo: json(500, {}) }, 'http_5xx'],
  ['JSON instead of a CAR', { getRepo: json(200, {}) }, 'not_a_car'],
  ['bytes that are no CAR', { getRepo: body(3, 1, 2, 3) }, 'bad_car'],
  ['an empty answer', { getRepo: body() }, 'truncated_car'],
  [
    'a CAR larger than allowed, as declared',
    {
      getRepo: (response) => void response.writeHead(200, { ...CAR, 'content-length': '3000000' }).write('x'),
    },
    'too_large',
  ],
  ['a CAR larger than allowed, undeclared', { getRepo: (response) => void endless(response) }, 'too_large'],
]

/** A header, then blocks of a kind nobody checks before their end. */
const endless = (response: ServerResponse) => {
  response.writeHead(200, CAR)
  const section = Buffer.alloc(2_500_000)
  section.set([0xa0, 0xcb, 0x98, 0x01])
  response.end(section)
}

for (const [what, answers, reason] of FAILED) {
  test(`${what} is a failure: ${reason}, and no event comes of it`, async (t) => {
    const [log, plcUrl] = [await openTestLog(t), await openHost(t, answers)]
    const limits = { httpTimeoutMs: 1_000, memoryBytes: 2_097_152, maxRetries: 1, hostAwayMs: 0 }
    const running = startBackfiller(t, { log, plcUrl, ...limits })
    await queue(log, [did])
    await untilDrained(log)
    await running.stop()
    assert.equal(await running.metric(`backfiller_failures_total{reason="${reason}"}`), 1)
    assert.equal(await running.metric('backfiller_repos_failed_total'), 1)
    assert.deepEqual(await eventsOf(log), [])
    const [letter] = await entriesOf(log, 'repo_backfill_dlq')
    assert.equal(letter?.['reason'], reason === 'too_large' ? 'too_large' : 'max_retries_exceeded')
    assert.equal(await running.metric('backfiller_memory_bytes'), 0)
    assert.equal(await running.metric('backfiller_repos_running'), 0)
    assert.equal(await running.metric('backfiller_conservation_residual{stage="repos"}'), 0)
    assert.equal(await running.metric('backfiller_conservation_residual{stage="records"}'), 0)
  })
}

test('the repo of somebody else is a mismatch, whoever signed it', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const account = network.truth().accounts.find(({ did }) => did.startsWith('did:plc:'))
  assert.ok(account)
  const other = await fetch(`${account.pds}/xrpc/com.atproto.sync.getRepo?did=${account.did}`)
  const car = Buffer.from(await other.arrayBuffer())
  const plcUrl = await openHost(t, { getRepo: (response) => void response.writeHead(200, CAR).end(car) })
  const running = startBackfiller(t, { log, plcUrl, maxRetries: 1 })
  await queue(log, [did])
  await untilDrained(log)
  assert.equal(await running.metric('backfiller_failures_total{reason="did_mismatch"}'), 1)
  assert.equal(await running.metric('backfiller_verification_errors_total'), 1)
})

test('a stale key or PDS in the shared cache costs one fresh look at the document, not the repo', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const [first, second] = network.truth().accounts
  assert.ok(first && second)
  const elsewhere = network.pdsUrls.find((url) => url !== second.pds)
  assert.ok(elsewhere)
  for (const { did, pds } of [first, { ...second, pds: elsewhere }]) {
    await log.cacheSet(`did:key:${did}`, `did:key:${KEY}`, 60_000)
    await log.cacheSet(`did:pds:${did}`, pds, 60_000)
  }
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl, maxRetries: 1 })
  await queue(log, [first.did, second.did])
  await untilDrained(log)
  assert.equal(await running.metric('backfiller_repos_processed_total'), 2)
  assert.equal(await running.metric('backfiller_identity_refreshes_total'), 2)
  assert.equal(await running.metric('backfiller_identity_lookups_total{source="shared"}'), 2)
  assert.equal(await running.metric('backfiller_repos_failed_total'), 0)
})

test('a host that asks for a long wait keeps its repos out of the way: put back, no attempt used up', async (t) => {
  let angry = true
  const log = await openTestLog(t)
  const plcUrl = await openHost(t, {
    getRepo: (response) => {
      if (!angry) return json(400, { error: 'RepoNotFound' })(response, undefined as never)
      angry = false
      response.writeHead(429, { 'retry-after': '2' }).end()
    },
  })
  const running = startBackfiller(t, { log, plcUrl, hostPatienceMs: 50, maxRetries: 1 })
  await queue(log, [did])
  await untilDrained(log)
  assert.ok((await running.metric('backfiller_repos_postponed_total')) > 1)
  assert.equal(await running.metric('backfiller_fetches_total{answer="429"}'), 1)
  assert.equal(await running.metric('backfiller_repos_skipped_total{reason="repo_not_found"}'), 1)
  assert.deepEqual(await entriesOf(log, 'repo_backfill_dlq'), [])
})

test('a host that is away for a while costs its repos time and no attempt; the status says who and why', async (t) => {
  let away = true
  const log = await openTestLog(t)
  const pds = await openHost(t, {
    getRepo: (response, request) =>
      away ? void response.destroy() : json(400, { error: 'RepoNotFound' })(response, request),
  })
  const running = startBackfiller(t, { log, plcUrl: pds, maxRetries: 1 })
  await queue(log, [did])
  await until(async () => (await running.metric('backfiller_failures_total{reason="host_down"}')) > 0)
  const { upstreams } = await running.status.status()
  const { host } = new URL(pds)
  assert.deepEqual(
    upstreams.map(({ kind, host, state }) => ({ kind, host, state })),
    [
      { kind: 'repos', host, state: 'live' },
      { kind: 'repos', host, state: 'waiting' },
    ],
  )
  assert.match(upstreams[1]?.lastError ?? '', /^unreachable: /)
  away = false
  await untilDrained(log)
  assert.equal(await running.metric('backfiller_repos_skipped_total{reason="repo_not_found"}'), 1)
  assert.equal(await running.metric('backfiller_fetches_total{answer="none"}'), 3)
  assert.equal(await running.metric('backfiller_repos_failed_total'), 3, 'only what was attempted')
  assert.equal(await running.metric('backfiller_identity_refreshes_total'), 1, 'for repo_not_found')
  assert.deepEqual(await entriesOf(log, 'repo_backfill_dlq'), [])
})

test('a host that stays away is given up when its time is over, with the reason', async (t) => {
  const [log, plcUrl] = [await openTestLog(t), await openHost(t, { document: json(200, documentOf(CLOSED)) })]
  const running = startBackfiller(t, { log, plcUrl, hostAwayMs: 300, maxRetries: 1 })
  await queue(log, [did])
  await untilDrained(log)
  await running.stop()
  assert.ok((await running.metric('backfiller_repos_postponed_total')) > 0)
  const [letter] = await entriesOf(log, 'repo_backfill_dlq')
  assert.equal(letter?.['reason'], 'max_retries_exceeded')
  assert.match(letter?.['error'] ?? '', /^(unreachable|host_down): /)
  assert.equal(letter?.['held_since'], undefined)
})

test('a host that never finishes does not slow down the repos of others', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const hanging = await openHost(t, { getRepo: () => undefined })
  const accounts = network.truth().accounts.map(({ did }) => did)
  const stuck = Array.from({ length: 20 }, (_, i) => `did:plc:${String(i).padStart(24, 'a')}`)
  for (const did of stuck) {
    await log.cacheSet(`did:key:${did}`, `did:key:${KEY}`, 60_000)
    await log.cacheSet(`did:pds:${did}`, hanging, 60_000)
  }
  const options = { concurrency: 8, perHostConcurrency: 2, httpTimeoutMs: 600_000, stopGraceMs: 0 }
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl, ...options })
  await queue(log, [...stuck, ...accounts])
  // What is left is what hangs: everybody behind it has passed.
  while ((await log.streamStats('repo_backfill')).length > stuck.length) await new Promise(setImmediate)
  assert.equal(await running.metric('backfiller_repos_processed_total'), accounts.length)
  assert.equal(await running.metric('backfiller_repos_running'), 2)
  assert.equal(await running.metric('backfiller_repos_waiting'), stuck.length - 2)
})
