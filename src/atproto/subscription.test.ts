import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { SetupError, TransientError } from '../lib/errors.ts'
import {
  subscribe,
  subscriptionUrl,
  type SubscribeOptions,
  type SubscriptionDetail,
  type SubscriptionFrame,
} from './subscription.ts'

type Visit = { readonly socket: WebSocket; readonly cursor: string | null; readonly number: number }

/** A relay that does `behave` with each connection; closed with the test. */
const startRelay = async (t: TestContext, behave: (visit: Visit) => void) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  let visits = 0
  server.on('connection', (socket, request) => {
    socket.on('error', () => undefined)
    const cursor = new URL(request.url ?? '/', 'ws://x').searchParams.get('cursor')
    behave({ socket, cursor, number: ++visits })
  })
  t.after(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  return { host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

const subscribeTo = (t: TestContext, host: string, options: Partial<SubscribeOptions> = {}) => {
  const controller = new AbortController()
  t.after(() => controller.abort())
  const ended: SubscriptionDetail[] = []
  const frames = subscribe({
    host,
    nsid: 'com.atproto.sync.subscribeRepos',
    cursor: async () => null,
    idleTimeoutMs: 10_000,
    maxFrameBytes: 1000,
    backoff: { initialMs: 1, maxMs: 16 },
    onState: (state, detail) => {
      if (state === 'disconnected') ended.push(detail)
    },
    signal: controller.signal,
    ...options,
  })
  return { frames, controller, ended }
}

const take = async (
  frames: AsyncGenerator<SubscriptionFrame, void, undefined>,
  count: number,
): Promise<SubscriptionFrame[]> => {
  const taken: SubscriptionFrame[] = []
  while (taken.length < count) {
    const item = await frames.next()
    assert.ok(!item.done, 'the subscription ended')
    taken.push(item.value)
  }
  return taken
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const text = ({ bytes }: SubscriptionFrame) => Buffer.from(bytes).toString('utf8')

test('a host may be a bare name or a URL, and nothing else', () => {
  const nsid = 'com.atproto.label.subscribeLabels'
  assert.equal(subscriptionUrl('bsky.network', nsid, null), `wss://bsky.network/xrpc/${nsid}`)
  assert.equal(subscriptionUrl('https://x.test', nsid, 0), `wss://x.test/xrpc/${nsid}?cursor=0`)
  assert.equal(subscriptionUrl('wss://x.test', nsid, 5), `wss://x.test/xrpc/${nsid}?cursor=5`)
  assert.equal(subscriptionUrl('http://127.0.0.1:1234', nsid, null), `ws://127.0.0.1:1234/xrpc/${nsid}`)
  for (const host of ['ftp://x.test', '', 'two words']) {
    assert.throws(() => subscriptionUrl(host, nsid, null), SetupError, host)
  }
})

test('frames arrive in order, and the cursor is asked anew at every connect', async (t) => {
  const cursors: (string | null)[] = []
  const { host } = await startRelay(t, ({ socket, cursor, number }) => {
    cursors.push(cursor)
    for (const name of ['a', 'b', 'c']) socket.send(Buffer.from(`${number}${name}`))
    socket.close()
  })
  let position: number | null = null
  const { frames } = subscribeTo(t, host, { cursor: async () => position })
  const first = await take(frames, 3)
  position = 41
  const second = await take(frames, 3)
  assert.deepEqual([...first, ...second].map(text), ['1a', '1b', '1c', '2a', '2b', '2c'])
  assert.deepEqual(
    [...first, ...second].map(({ connection }) => connection),
    [1, 1, 1, 2, 2, 2],
  )
  assert.deepEqual(cursors, [null, '41'])
})

test('a silent socket is given up, though it answers pings and sends its own', async (t) => {
  let pongs = 0
  const { host } = await startRelay(t, ({ socket, number }) => {
    if (number > 1) return socket.send(Buffer.from('alive'))
    const pinging = setInterval(() => socket.ping(), 5)
    socket.on('pong', () => pongs++)
    socket.on('close', () => clearInterval(pinging))
  })
  const { frames, ended } = subscribeTo(t, host, { idleTimeoutMs: 150, pingIntervalMs: 5 })
  const [frame] = await take(frames, 1)
  assert.equal(frame?.connection, 2)
  assert.equal(ended[0]?.reason, 'no data for 150 ms')
  assert.ok(pongs > 0)
})

const delaysAre = (ended: readonly SubscriptionDetail[], nominal: readonly number[]) =>
  nominal.forEach((delay, i) => {
    const { retryInMs = null } = ended[i] ?? {}
    assert.ok(retryInMs !== null && retryInMs >= delay / 2 && retryInMs <= delay, `${i}: ${retryInMs}`)
  })

test('the delay grows while connections are short, and starts over after one that lived', async (t) => {
  const { host } = await startRelay(t, ({ socket }) => socket.close(1011, 'not today'))
  for (const [healthyAfterMs, nominal] of [
    [Infinity, [2, 4, 8, 16, 16]],
    [0, [2, 2, 2, 2, 2]],
  ] as const) {
    const { frames, ended, controller } = subscribeTo(t, host, {
      backoff: { initialMs: 2, maxMs: 16 },
      healthyAfterMs,
    })
    const next = frames.next()
    await until(() => ended.length >= nominal.length)
    controller.abort()
    await next
    delaysAre(ended, nominal)
    assert.equal(ended[0]?.reason, 'closed with code 1011: not today')
  }
})

test('a consumer that does not pull stops the sender, and the buffer stays bounded', async (t) => {
  const size = 900
  let sent = 0
  let stalled = false
  const { host } = await startRelay(t, ({ socket }) => {
    const pump = () => {
      // What neither the kernel nor the reader takes piles up here, at the sender.
      for (; socket.readyState === socket.OPEN && socket.bufferedAmount < 100_000; sent++) {
        socket.send(Buffer.alloc(size, sent % 251))
      }
      stalled = socket.bufferedAmount >= 100_000
      if (socket.readyState === socket.OPEN) setTimeout(pump, 1)
    }
    pump()
  })
  const { frames, ended } = subscribeTo(t, host, { bufferBytes: 10_000, idleTimeoutMs: 200 })
  await take(frames, 1)
  let before = -1
  await until(() => {
    const still = stalled && sent === before
    before = sent
    return still
  })
  // The watchdog must not take the silence that we asked for as the peer's: another one with the same patience gives up twice.
  const silent = await startRelay(t, () => undefined)
  const control = subscribeTo(t, silent.host, { idleTimeoutMs: 200 })
  const never = control.frames.next()
  await until(() => control.ended.length === 2)
  control.controller.abort()
  await never
  assert.equal(ended.length, 0)
  const taken = await take(frames, sent)
  taken.forEach(({ bytes, connection }, i) => {
    assert.equal(connection, 1)
    assert.equal(bytes[0], (i + 1) % 251)
  })
  assert.ok(sent * size < 20_000_000, 'the sender felt nothing')
})

test('an abort ends the sequence promptly, whatever it waits for', async (t) => {
  const { host } = await startRelay(t, ({ socket }) => socket.send(Buffer.from('one')))
  const waiting = subscribeTo(t, host)
  await take(waiting.frames, 1)
  const pending = waiting.frames.next()
  waiting.controller.abort()
  assert.deepEqual(await pending, { done: true, value: undefined })

  const sleeping = subscribeTo(t, 'http://127.0.0.1:1', { backoff: { initialMs: 60_000, maxMs: 60_000 } })
  const never = sleeping.frames.next()
  await until(() => sleeping.ended.length === 1)
  sleeping.controller.abort()
  assert.deepEqual(await never, { done: true, value: undefined })
})

test('leaving the loop closes the socket', async (t) => {
  let closed = false
  const { host } = await startRelay(t, ({ socket }) => {
    socket.on('close', () => (closed = true))
    socket.send(Buffer.from('one'))
  })
  const { frames } = subscribeTo(t, host)
  for await (const frame of frames) {
    assert.equal(text(frame), 'one')
    break
  }
  await until(() => closed)
})

test('an oversize frame is reported in its place and let go', async (t) => {
  const { host } = await startRelay(t, ({ socket }) => {
    socket.send(Buffer.from('before'))
    socket.send(Buffer.alloc(2000))
    socket.send(Buffer.from('after'))
  })
  const { frames } = subscribeTo(t, host)
  const taken = await take(frames, 3)
  assert.deepEqual(taken.map(text), ['before', '', 'after'])
  assert.deepEqual(
    taken.map(({ oversize, connection }) => [oversize, connection]),
    [
      [false, 1],
      [true, 1],
      [false, 1],
    ],
  )
})

test('a frame so large that it costs the connection is passed, not met for ever', async (t) => {
  const log = [5, 6, 11, 12]
  const cursors: number[] = []
  const { host } = await startRelay(t, ({ socket, cursor }) => {
    cursors.push(Number(cursor))
    for (const seq of log.filter((seq) => seq > Number(cursor))) {
      socket.send(seq === 11 ? Buffer.alloc(100_000) : Buffer.from(String(seq)))
    }
  })
  let position = 4
  const { frames } = subscribeTo(t, host, { cursor: async () => position })
  const seen: (number | 'oversize')[] = []
  for await (const frame of frames) {
    seen.push(frame.oversize ? 'oversize' : Number(text(frame)))
    if (!frame.oversize) position = Number(text(frame))
    if (position === 12) break
  }
  assert.equal(seen.at(-1), 12)
  assert.deepEqual([...new Set(seen)], [5, 6, 'oversize', 12])
  assert.ok(cursors.length <= 6, cursors.join())
})

test('a cursor that cannot be read for now is asked again; one that is broken ends the sequence', async (t) => {
  const { host } = await startRelay(t, ({ socket }) => socket.send(Buffer.from('one')))
  let asked = 0
  const { frames, ended } = subscribeTo(t, host, {
    cursor: async () => {
      if (++asked < 3) throw new TransientError('store away')
      return 9
    },
  })
  await take(frames, 1)
  assert.equal(asked, 3)
  assert.deepEqual(
    ended.map(({ reason }) => reason),
    Array(2).fill('the cursor cannot be read: store away'),
  )
  const broken = subscribeTo(t, host, { cursor: () => Promise.reject(new Error('corrupt')) })
  await assert.rejects(broken.frames.next(), /corrupt/)
})
