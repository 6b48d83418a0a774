import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFrame } from '../atproto/frame.ts'
import { parseRepoMessage } from '../atproto/message.ts'
import { RepoError, verifyRepo } from '../atproto/repo.ts'
import { verifyCommitMessage } from '../atproto/verify-commit.ts'
import { parseFault, startSandbox, type FaultKind, type FaultSpec, type Sandbox } from './index.ts'
import { fetchCar, fetchJson, readFrame, readStream, reposStream, running } from './testing.ts'

const relayOf = ({ relayUrls }: Sandbox): string => relayUrls[0] as string

/** Whole repositories are streamed and little else happens than commits. */
const fresh = { backfillShare: 0, didWebs: 0 }

/** Produces with the fault on, then a little without it; every message since the start. */
const framesUnder = async (sandbox: Sandbox, kind: FaultKind, spec: FaultSpec): Promise<Buffer[]> => {
  await sandbox.produce(20)
  sandbox.setFault(kind, spec)
  await sandbox.produce(30)
  sandbox.setFault(kind, null)
  await sandbox.produce(5)
  assert.ok((sandbox.faults().injected[kind] ?? 0) > 0, `${kind} has struck`)
  const messages: Buffer[] = []
  const last = await lastFrame(sandbox)
  await readStream(reposStream(relayOf(sandbox), 0), (seen) => {
    messages.push(seen.at(-1) as Buffer)
    return seen.at(-1)?.equals(last) ?? false
  })
  return messages
}

/** The newest frame: a good one, produced while somebody reads live. */
const lastFrame = async (sandbox: Sandbox): Promise<Buffer> => {
  let done = false
  const reading = readStream(reposStream(relayOf(sandbox)), () => done)
  await reading.opened
  await sandbox.produce(1)
  done = true
  await sandbox.produce(1)
  return (await reading).messages.at(-1) as Buffer
}

const verdictOf = async (sandbox: Sandbox, bytes: Buffer): Promise<string> => {
  const frame = decodeFrame(bytes, 5 * 1024 * 1024)
  if ('drop' in frame) return frame.drop
  if (frame.kind === 'error') return frame.error
  const message = parseRepoMessage(frame)
  if ('drop' in message) return message.drop
  if (message.type !== 'commit') return message.type
  const document = await fetchJson<{ verificationMethod?: { publicKeyMultibase: string }[] }>(
    `${sandbox.plcUrl}/${message.repo}`,
  )
  const key = document.verificationMethod?.[0]
  if (key === undefined) return 'deleted'
  const verdict = verifyCommitMessage(message, `did:key:${key.publicKeyMultibase}`)
  return verdict.valid ? 'commit' : verdict.flaw
}

const spoiled: readonly (readonly [FaultKind, string])[] = [
  ['bad_signature', 'bad_signature'],
  ['malformed_cbor', 'invalid_message'],
  ['oversize_frame', 'oversize_frame'],
]

for (const [kind, expected] of spoiled) {
  test(`${kind} spoils frames, which are then listed as unreachable by the stream`, async (t) => {
    const sandbox = await running(t, fresh)
    const messages = await framesUnder(sandbox, kind, { times: 3 })
    const verdicts = await Promise.all(messages.map((bytes) => verdictOf(sandbox, bytes)))
    const bad = verdicts.filter((verdict) => verdict === expected || verdict === 'bad_frame')
    assert.equal(bad.length, 3)
    assert.ok(sandbox.truth().unreachableLive.length > 0)
  })
}

test('missing_block takes the record out of its frame', async (t) => {
  const sandbox = await running(t, fresh)
  const messages = await framesUnder(sandbox, 'missing_block', { times: 5, target: 'live' })
  const verdicts = await Promise.all(messages.map((bytes) => verdictOf(sandbox, bytes)))
  assert.ok(verdicts.includes('missing_record'))
})

test('a record that a bad frame hid is still in its repository and in the truth', async (t) => {
  const sandbox = await running(t, { ...fresh, faults: [{ kind: 'malformed_cbor', times: 1 }] })
  while (sandbox.faults().injected['malformed_cbor'] === 0) await sandbox.produce(1)
  const { unreachableLive, records } = sandbox.truth()
  const hidden = unreachableLive.find((name) => name.startsWith('at://'))
  assert.ok(hidden === undefined || records.some(({ uri }) => uri === hidden))
})

test('unknown types, duplicates, disorder and gaps come besides the good frames', async (t) => {
  const sandbox = await running(t, fresh)
  const besides: readonly FaultKind[] = [
    'unknown_frame_type',
    'duplicate_frames',
    'reordered_frames',
    'sequence_gap',
  ]
  for (const kind of besides) sandbox.setFault(kind, { probability: 0.3 })
  await sandbox.produce(100)
  for (const kind of besides) sandbox.setFault(kind, null)
  const last = await lastFrame(sandbox)
  const { messages } = await readStream(
    reposStream(relayOf(sandbox), 0),
    (seen) => seen.at(-1)?.equals(last) ?? false,
  )
  const frames = messages.map(readFrame)
  const seqs = frames.map(({ body }) => body['seq'] as number)
  const steps = seqs.slice(1).map((seq, i) => seq - (seqs[i] as number))
  assert.ok(frames.some(({ header }) => header.t === '#sandboxNews'))
  assert.ok(steps.includes(0), 'a frame came twice')
  assert.ok(
    steps.some((step) => step < 0),
    'frames changed places',
  )
  assert.ok(
    steps.some((step) => step > 2),
    'numbers were left out',
  )
  assert.deepEqual(sandbox.truth().unreachableLive, [])
})

test('connections break, fall silent or end with an error frame, and a cursor brings everything back', async (t) => {
  const sandbox = await running(t, fresh)
  const url = reposStream(relayOf(sandbox), 0)
  await sandbox.produce(10)
  for (const [kind, code] of [
    ['disconnect', 1006],
    ['error_frame', 1008],
  ] as const) {
    const reading = readStream(url, () => false)
    await reading.opened
    sandbox.setFault(kind, { times: 1 })
    await sandbox.produce(5)
    const { closeCode, messages } = await reading
    assert.equal(closeCode, code)
    if (kind === 'error_frame') assert.equal(readFrame(messages.at(-1) as Buffer).header.op, -1)
  }
  const silent = readStream(url, (seen) => seen.length > 100)
  await silent.opened
  sandbox.setFault('silent_socket', { times: 1 })
  await sandbox.produce(200)
  const { events } = await fetchJson<{ events: number }>(sandbox.controlUrl)
  const { messages } = await readStream(url, (seen) => seen.length === events)
  assert.equal(messages.length, events)
  ;(await silent.opened).terminate()
  assert.ok((await silent).messages.length < 100)
})

test('cursors are refused as future or called outdated when told so', async (t) => {
  const sandbox = await running(t, { ...fresh, faults: [{ kind: 'future_cursor', times: 1 }] })
  await sandbox.produce(10)
  const url = reposStream(relayOf(sandbox), 1_000_003)
  const refused = await readStream(url, () => false)
  assert.equal(readFrame(refused.messages[0] as Buffer).body['error'], 'FutureCursor')
  sandbox.setFault('outdated_cursor', { times: 1 })
  const { messages } = await readStream(url, (seen) => seen.length === 2)
  const [info, first] = messages.map(readFrame)
  assert.deepEqual([info?.body['name'], first?.body['seq']], ['OutdatedCursor', 1_000_001])
})

test('hosts refuse, break, answer in HTML and go down as told', async (t) => {
  const sandbox = await running(t, fresh)
  const [account] = sandbox.truth().accounts
  const url = `${account?.pds}/xrpc/com.atproto.sync.getRepo?did=${account?.did}`
  sandbox.setFault('http_429', { times: 2 })
  assert.equal((await fetch(url)).headers.get('retry-after'), '1')
  sandbox.setFault('http_429', { times: 1, headers: false })
  const bare = await fetch(url)
  assert.deepEqual([bare.status, bare.headers.get('retry-after')], [429, null])
  sandbox.setFault('http_5xx', { times: 1 })
  assert.ok((await fetch(url)).status >= 500)
  sandbox.setFault('html_body', { times: 1 })
  assert.match(await (await fetch(url)).text(), /^<!doctype html>/)
  sandbox.setFault('plc_down', { times: 1 })
  assert.equal((await fetch(`${sandbox.plcUrl}/${account?.did}`)).status, 503)
  assert.equal((await fetch(url)).status, 200)
})

test('one page of listRepos fails for ever, the others do not', async (t) => {
  const sandbox = await running(t, fresh)
  sandbox.setFault('listrepos_page_fails', {})
  const page = (cursor: number) =>
    fetch(`${relayOf(sandbox)}/xrpc/com.atproto.sync.listRepos?limit=4&cursor=${cursor}`)
  const statuses: number[] = []
  for (const cursor of [4, 8, 4, 5]) statuses.push((await page(cursor)).status)
  assert.deepEqual(statuses, [500, 200, 500, 200])
})

test('CARs come truncated, slowly, forged or incomplete', async (t) => {
  const sandbox = await running(t)
  const account = sandbox.truth().accounts.find(({ did }) => did.startsWith('did:plc')) as {
    did: string
    pds: string
  }
  const document = await fetchJson<{ verificationMethod: { publicKeyMultibase: string }[] }>(
    `${sandbox.plcUrl}/${account.did}`,
  )
  const didKey = `did:key:${document.verificationMethod[0]?.publicKeyMultibase}`
  const options = { did: account.did, didKey, filter: () => true, maxBytes: 1e8 }
  const reasonUnder = async (kind: FaultKind, spec: FaultSpec): Promise<string> => {
    sandbox.setFault(kind, { times: 1, ...spec })
    const car = await fetchCar(account.pds, account.did)
    return verifyRepo(car, options).then(
      () => 'good',
      (error: unknown) => (error instanceof RepoError ? error.reason : String(error)),
    )
  }
  assert.equal(await reasonUnder('truncated_car', { clean: true }), 'car')
  await assert.rejects(reasonUnder('truncated_car', { clean: false }))
  assert.equal(await reasonUnder('bad_signature', {}), 'bad_signature')
  assert.match(await reasonUnder('missing_block', {}), /^(mst|missing_record)$/)
  assert.equal(await reasonUnder('slow_car', { bytesPerSecond: 1e6 }), 'good')
})

test('faults are turned on, counted and turned off over HTTP, and none changes the truth', async (t) => {
  const sandbox = await running(t)
  const set = (query: string, method = 'POST') => fetch(`${sandbox.controlUrl}/faults?${query}`, { method })
  assert.equal((await set('kind=nonsense')).status, 400)
  assert.equal((await set('kind=http_429&probability=maybe')).status, 400)
  await set('kind=malformed_cbor&probability=0.5')
  const before = sandbox.truth().records.length
  await sandbox.produce(40)
  const report = await fetchJson<ReturnType<Sandbox['faults']>>(`${sandbox.controlUrl}/faults`)
  assert.deepEqual(report.active, [{ kind: 'malformed_cbor', probability: 0.5 }])
  assert.ok((report.injected['malformed_cbor'] ?? 0) > 0)
  assert.ok(sandbox.truth().records.length > before)
  await set('kind=malformed_cbor', 'DELETE')
  assert.deepEqual(sandbox.faults().active, [])
})

test('bad label signatures leave the label as it is', async (t) => {
  const sandbox = await running(t, { records: 2_000 })
  sandbox.setFault('bad_label_signature', { times: 2 })
  await sandbox.produce(500)
  assert.equal(sandbox.faults().injected['bad_label_signature'], 2)
})

test('faults never change what the network produces', async (t) => {
  const records = async (faults: readonly { kind: FaultKind; probability: number }[]): Promise<unknown> => {
    const sandbox = await running(t, { didWebs: 0, now: () => 1_760_000_000_000, faults })
    await sandbox.produce(200)
    return sandbox.truth().records
  }
  assert.deepEqual(await records([{ kind: 'malformed_cbor', probability: 0.2 }]), await records([]))
})

test('a fault is read from text', () => {
  assert.deepEqual(parseFault('http_429'), { kind: 'http_429' })
  assert.deepEqual(parseFault('bad_signature:0.25'), { kind: 'bad_signature', probability: 0.25 })
  assert.deepEqual(parseFault('http_429:times=3,headers=false'), {
    kind: 'http_429',
    times: 3,
    headers: false,
  })
  for (const text of ['', 'nonsense', 'http_429:often', 'http_429:when=now'])
    assert.equal(parseFault(text), null)
})

test('a taken port stops the start with a remedy', async (t) => {
  const first = await running(t, { accounts: 2 })
  const port = Number(new URL(first.controlUrl).port)
  await assert.rejects(startSandbox({ accounts: 2, port }), { name: 'SetupError', exitCode: 73 })
})
