import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBytes, type Bytes, type CidLink } from '@atcute/cbor'
import { startSandbox, type SandboxOptions } from './index.ts'
import {
  naiveRoot,
  readCar,
  readCommit,
  readFrame,
  readStream,
  readTree,
  reposStream,
  type SeenFrame,
} from './testing.ts'

const small: SandboxOptions = { accounts: 12, records: 400, ratePerSecond: 0, didWebs: 1 }

/** Starts a sandbox and closes it at the end of the test. */
const running = async (t: { after(end: () => Promise<void>): void }, options: SandboxOptions = {}) => {
  const sandbox = await startSandbox({ ...small, ...options })
  t.after(() => sandbox.close())
  return sandbox
}

const liveFrames = async (relay: string, last: number): Promise<SeenFrame[]> => {
  const { messages } = await readStream(reposStream(relay, 0), (seen) => seen.length >= last)
  return messages.map(readFrame)
}

const fetchJson = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T

test('every repository reads back as the truth says, in the one shape its keys allow', async (t) => {
  const sandbox = await running(t)
  await sandbox.produce(300)
  const truth = sandbox.truth()
  for (const { did, pds, head, rev } of truth.accounts.filter(({ active }) => active)) {
    const response = await fetch(`${pds}/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(did)}`)
    const car = readCar(new Uint8Array(await response.arrayBuffer()))
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

test('the live frames alone rebuild every repository that was empty before', async (t) => {
  const sandbox = await running(t, { backfillShare: 0 })
  await sandbox.produce(500)
  const { events } = await fetchJson<{ events: number }>(sandbox.controlUrl)
  const frames = await liveFrames(sandbox.relayUrls[0] as string, events)
  const records = new Map<string, string>()
  for (const { header, body } of frames) {
    if (header.t !== '#commit') continue
    const car = readCar(fromBytes(body['blocks'] as Bytes))
    for (const { action, path, cid } of body['ops'] as {
      action: string
      path: string
      cid: CidLink | null
    }[]) {
      const uri = `at://${body['repo'] as string}/${path}`
      if (action === 'delete') records.delete(uri)
      else records.set(uri, cid?.$link ?? '')
      if (cid !== null) assert.ok(car.blocks.has(cid.$link), 'the record is in its frame')
    }
  }
  const truth = sandbox.truth()
  const deleted = new Set(truth.accounts.filter(({ status }) => status === 'deleted').map(({ did }) => did))
  for (const uri of records.keys()) if (deleted.has(uri.split('/')[2] as string)) records.delete(uri)
  assert.deepEqual(records, new Map(truth.records.map(({ uri, cid }) => [uri, cid])))
})
