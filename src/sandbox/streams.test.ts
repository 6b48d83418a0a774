import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { verifySignature } from '../atproto/crypto.ts'
import { encode, fromBytes, type Bytes } from '@atcute/cbor'
import { messageFrame } from './frame.ts'
import { Host } from './http.ts'
import { SUBSCRIBE_LABELS } from './names.ts'
import { ReplayWindow } from './replay.ts'
import { EventStream } from './stream-server.ts'
import { fetchJson, readFrame, readStream, reposStream, running, streamed } from './testing.ts'

const seqOf = (bytes: Buffer): number => readFrame(bytes).body['seq'] as number

test('a cursor replays exactly what came after it, and no cursor only what is new', async (t) => {
  const sandbox = await running(t)
  await sandbox.produce(50)
  const all = (await streamed(sandbox)).map(({ body }) => body['seq'] as number)
  const cursor = all[9] as number
  const url = reposStream(sandbox.relayUrls[0] as string, cursor)
  const { messages } = await readStream(url, (seen) => seen.length === all.length - 10)
  assert.deepEqual(messages.map(seqOf), all.slice(10))
  const live = readStream(reposStream(sandbox.relayUrls[0] as string), (seen) => seen.length > 0)
  live.opened.then(() => sandbox.produce(1))
  assert.ok(seqOf((await live).messages[0] as Buffer) > (all.at(-1) as number))
})

test('a cursor from the future is refused with an error frame', async (t) => {
  const sandbox = await running(t)
  const { messages, closeCode } = await readStream(
    reposStream(sandbox.relayUrls[0] as string, 4e9),
    () => false,
  )
  const [frame] = messages.map(readFrame)
  assert.deepEqual(
    [messages.length, frame?.header.op, frame?.body['error'], closeCode],
    [1, -1, 'FutureCursor', 1008],
  )
})

test('the replay window stays within its bytes, and an older cursor is told so', async (t) => {
  const windowBytes = 100_000
  const sandbox = await running(t, { windowBytes })
  await sandbox.produce(200)
  const url = reposStream(sandbox.relayUrls[0] as string, 1_000_001)
  const { messages } = await readStream(url, (seen) => seen.length > 10)
  const { header, body } = readFrame(messages[0] as Buffer)
  assert.deepEqual([header.t, body['name']], ['#info', 'OutdatedCursor'])
  assert.ok((messages.slice(1).map(seqOf)[0] as number) > 1_000_002)
  const oldest = await readStream(reposStream(sandbox.relayUrls[0] as string, 0), (seen) => seen.length > 0)
  assert.equal(readFrame(oldest.messages[0] as Buffer).header.t !== '#info', true)
})

test('a window never holds more than its bytes and finds cursors among disordered frames', () => {
  const window = new ReplayWindow({ maxBytes: 1_000 })
  const seqs = Array.from({ length: 5_000 }, (_, i) => (i % 10 === 0 ? i + 2 : i % 10 === 1 ? i : i + 1))
  for (const seq of seqs) {
    window.add({ seq, bytes: Buffer.alloc(10) })
    assert.ok(window.bytes <= 1_000)
  }
  assert.equal(window.end - window.start, 100)
  assert.equal(window.at(window.start - 1), null)
  for (const cursor of [4_950, 4_960, 4_999]) {
    const rest = seqs.slice(window.positionAfter(cursor))
    assert.ok(seqs.filter((seq) => seq > cursor).every((seq) => rest.includes(seq)))
  }
})

/** A stream at a port of its own, until the test ends. */
const openStream = async (
  t: TestContext,
  options: Omit<ConstructorParameters<typeof EventStream>[0], 'path'>,
) => {
  const host = await Host.open({ host: '127.0.0.1', port: 0 })
  const stream = new EventStream({ path: '/s', ...options })
  stream.attach(host)
  t.after(async () => {
    stream.close()
    await host.close()
  })
  return { stream, url: `${host.url}/s` }
}

test('a slow subscriber holds the producer back and loses nothing', async (t) => {
  const { stream, url } = await openStream(t, {
    firstSeq: 100_000,
    windowBytes: 20_000_000,
    withoutCursor: 'live',
  })
  let sent = 0
  const reader = readStream(url, (seen) => seen.length > 0 && seen.length === sent)
  const socket = await reader.opened
  socket.pause()
  const frame = (): ReturnType<typeof messageFrame> => messageFrame('#x', { padding: 'x'.repeat(50_000) })
  while (stream.room() && sent < 1_000) {
    stream.emit(frame())
    sent++
  }
  assert.ok(sent < 300, 'the producer was told to wait')
  socket.resume()
  assert.equal((await reader).messages.length, sent)
})

test('a replay goes on when its frames fill the socket to the byte', { timeout: 60_000 }, async (t) => {
  const { stream, url } = await openStream(t, {
    firstSeq: 1,
    windowBytes: 100_000_000,
    withoutCursor: 'oldest',
  })
  // With its header a frame is 962 bytes: 1,090 of them are 4 bytes more than may wait in a socket, and without the last header none.
  const frames = 30_000
  for (let seq = 1; seq <= frames; seq++) stream.push(seq, Buffer.alloc(958))
  const { messages } = await readStream(url, (seen) => seen.length === frames)
  assert.equal(messages.length, frames)
})

test('labels are signed, replayed from a cursor, and the newest of each holds', async (t) => {
  const sandbox = await running(t, { records: 3_000 })
  await sandbox.produce(3_000)
  const { labels: truth } = sandbox.truth()
  const labeler = sandbox.labelerUrls[0] as string
  const document = await fetchJson<{ verificationMethod: { id: string; publicKeyMultibase: string }[] }>(
    `${sandbox.plcUrl}/${truth[0]?.src}`,
  )
  const key = document.verificationMethod.find(({ id }) => id.endsWith('#atproto_label'))
  const held = new Map<string, Record<string, unknown>>()
  const settled = (): boolean => truth.every((label) => held.get(keyOf(label))?.['cts'] === label.cts)
  await readStream(`${labeler}${SUBSCRIBE_LABELS}?cursor=0`, (seen) => {
    for (const label of readFrame(seen.at(-1) as Buffer).body['labels'] as Record<string, unknown>[]) {
      const { sig, ...unsigned } = label
      assert.ok(
        verifySignature(`did:key:${key?.publicKeyMultibase}`, encode(unsigned), fromBytes(sig as Bytes)),
      )
      const known = held.get(keyOf(label))
      if (known === undefined || (known['cts'] as string) < (label['cts'] as string))
        held.set(keyOf(label), label)
    }
    return settled()
  })
  assert.equal(held.size, truth.length)
  assert.ok(
    truth.some(({ neg }) => neg) &&
      truth.some(({ exp }) => exp !== null) &&
      truth.some(({ cid }) => cid !== null),
  )
  const query = await fetchJson<{ labels: { uri: string }[] }>(
    `${labeler}/xrpc/com.atproto.label.queryLabels?uriPatterns=${encodeURIComponent(truth[0]?.uri ?? '')}`,
  )
  assert.ok(query.labels.length > 0 && query.labels.every(({ uri }) => uri === truth[0]?.uri))
})

const keyOf = (label: object): string => {
  const { src, uri, cid, val } = label as Record<string, string | null | undefined>
  return `${src} ${uri} ${cid ?? ''} ${val}`
}
