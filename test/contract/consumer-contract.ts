/** What the shared consumer loop must do, run against each store. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Consumer,
  type ConsumerOptions,
  createConsumer,
  type Delivery,
  type Letter,
} from '../../src/stream/consumer.ts'
import type { Log } from '../../src/stream/log.ts'
import { idsOf, numbered, type OpenStore, prepare, until } from './store.ts'

type Prepared = Awaited<ReturnType<typeof prepare>>

const never = new AbortController().signal

const consume = (log: Log, { stream, group }: Prepared, options: Partial<ConsumerOptions> = {}): Consumer =>
  createConsumer({
    log,
    stream,
    group,
    consumer: 'one',
    batchSize: 10,
    retry: { initialMs: 20, maxMs: 40 },
    maxDeliveries: 3,
    deadLetterStream: `${stream}_dlq`,
    ...options,
  })

const next = async (consumer: Consumer, maxEntries?: number): Promise<readonly Delivery[]> =>
  (await consumer.next(never, maxEntries)) ?? []

const numbers = (entries: readonly Delivery[]): unknown[] =>
  entries.map((entry) => (JSON.parse(entry.fields['event'] ?? 'null') as { n: number }).n)

export const consumerContract = (name: string, open: OpenStore): void => {
  describe(`the consumer on ${name}`, () => {
    startTests(open)
    failureTests(open)
    sharingTests(open)
    boundTests(open)
  })
}

const startTests = (open: OpenStore): void => {
  test('hands out what it had when it stopped, then is live within one read', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 7))
    await next(consume(store.log, at))
    await store.log.append(at.stream, numbered(7, 2))
    const claims: string[] = []
    const again = consume(store.log, at, { onClaim: (kind, n) => claims.push(`${kind} ${n}`) })
    const first = await next(again)
    assert.deepEqual(numbers(first), [0, 1, 2, 3, 4, 5, 6])
    assert.ok(first.every((entry) => entry.deliveries === 2))
    assert.deepEqual(numbers(await next(again)), [7, 8])
    assert.deepEqual(claims, ['restart 7'])
  })

  test('hands out a long past in several batches', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 25))
    await next(consume(store.log, at, { batchSize: 25 }))
    const again = consume(store.log, at)
    const batches = [await next(again), await next(again), await next(again)]
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [10, 10, 5],
    )
    assert.deepEqual(numbers(batches.flat()), [...Array(25).keys()])
  })

  test('creates its group', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 1))
    assert.deepEqual(numbers(await next(consume(store.log, { ...at, group: 'unheard_of' }))), [0])
  })

  test('answers null after an abort, and what is in flight can still be finished', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 2))
    const consumer = consume(store.log, at)
    const stop = new AbortController()
    const batch = (await consumer.next(stop.signal)) ?? []
    const waiting = consumer.next(stop.signal)
    setImmediate(() => stop.abort())
    assert.equal(await waiting, null)
    assert.equal(await consumer.next(stop.signal), null)
    assert.equal(consumer.inFlight, 2)
    await consumer.done(idsOf(batch))
    assert.equal(consumer.inFlight, 0)
    assert.equal((await store.log.streamStats(at.stream)).length, 0)
  })

  test('gives batches as an iteration that ends with the signal', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 15))
    const consumer = consume(store.log, at)
    const stop = new AbortController()
    let seen = 0
    for await (const batch of consumer.batches(stop.signal)) {
      seen += batch.length
      await consumer.done(idsOf(batch))
      if (seen === 15) stop.abort()
    }
    assert.equal((await store.log.groupStats(at.stream, at.group)).pending, 0)
  })
}

const failureTests = (open: OpenStore): void => {
  test('hands a failed entry out again after its backoff, and buries it at its last attempt', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 1))
    const letters: Letter[] = []
    const consumer = consume(store.log, at, { onDeadLetter: (letter) => letters.push(letter) })
    for (const expected of [1, 2, 3]) {
      const [entry] = await next(consumer)
      assert.ok(entry)
      assert.equal(entry.deliveries, expected)
      assert.equal(await consumer.fail(entry, 'host is down'), expected === 3 ? 'dead' : 'retry')
    }
    assert.equal(letters[0]?.attempts, 3)
    const [kept] = await store.log.range(`${at.stream}_dlq`, { maxEntries: 9 })
    const { event, reason, attempts, first_at, last_at } = kept?.fields ?? {}
    assert.deepEqual([event, reason, attempts], ['{"n":0}', 'host is down', '3'])
    assert.ok(Date.parse(first_at ?? '') <= Date.parse(last_at ?? ''))
    const { pending } = await store.log.groupStats(at.stream, at.group)
    assert.deepEqual([pending, (await store.log.streamStats(at.stream)).length], [0, 0])
  })

  test('keeps attempts and backoff over a restart', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 1))
    for (const expected of [1, 2, 3]) {
      const consumer = consume(store.log, at)
      const [entry] = await next(consumer)
      assert.ok(entry)
      assert.equal(entry.deliveries, expected)
      await consumer.fail(entry, 'no')
    }
    assert.equal((await store.log.streamStats(`${at.stream}_dlq`)).length, 1)
  })

  test('goes on with new entries while others wait for their backoff', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 1))
    const consumer = consume(store.log, at, { retry: { initialMs: 60_000, maxMs: 60_000 } })
    const [failed] = await next(consumer)
    assert.ok(failed)
    await consumer.fail(failed, 'later')
    await store.log.append(at.stream, numbered(1, 1))
    assert.deepEqual(numbers(await next(consumer)), [1])
  })

  test('buries poison at once, in the shape its owner wants', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, [{ repo: '{"did":' }])
    const consumer = consume(store.log, at, {
      letter: ({ fields, attempts }) => ({ ...fields, reason: 'invalid', attempts: String(attempts) }),
    })
    const [entry] = await next(consumer)
    assert.ok(entry)
    await consumer.poison(entry, 'not JSON')
    const [letter] = await store.log.range(`${at.stream}_dlq`, { maxEntries: 9 })
    assert.deepEqual({ ...letter?.fields }, { repo: '{"did":', reason: 'invalid', attempts: '1' })
    assert.equal(consumer.inFlight, 0)
  })

  test('buries what has ended its consumer too often', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 1))
    const [entry] = await next(consume(store.log, at))
    for (let i = 0; i < 7; i++) await store.log.claim(at.reader, [entry?.id ?? ''], 0)
    await store.log.append(at.stream, numbered(1, 1))
    // A fast machine asks before the entry has rested long enough to be taken up again.
    await until(async () => (await store.log.groupStats(at.stream, at.group)).oldestPendingIdleMs > 1)
    const survivor = consume(store.log, at, { retry: { initialMs: 1, maxMs: 1 } })
    assert.deepEqual(numbers(await next(survivor)), [1])
    const [letter] = await store.log.range(`${at.stream}_dlq`, { maxEntries: 9 })
    assert.equal(letter?.fields?.['attempts'], '9')
  })
}

const sharingTests = (open: OpenStore): void => {
  test('takes over what another consumer left behind', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 3))
    await store.log.read({ ...at.reader, consumer: 'gone' }, { maxEntries: 9, blockMs: 0 })
    const claims: string[] = []
    const consumer = consume(store.log, at, { abandonedAfterMs: 100, onClaim: (kind) => claims.push(kind) })
    assert.deepEqual(numbers(await next(consumer)), [0, 1, 2])
    assert.deepEqual(claims, ['abandoned'])
  })

  test('keeps its long work from being taken over, and never hands it out twice itself', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 1))
    const worker = consume(store.log, at, { abandonedAfterMs: 2_000, consumer: 'worker' })
    const [work] = await next(worker)
    const stop = new AbortController()
    const rivals = [worker, consume(store.log, at, { abandonedAfterMs: 2_000, consumer: 'rival' })]
    const stolen = Promise.all(rivals.map((consumer) => consumer.next(stop.signal)))
    const idle = async () => (await store.log.groupStats(at.stream, at.group)).oldestPendingIdleMs
    for (let touches = 0, last = 0; touches < 2;) {
      await until(async () => (await idle()) !== last)
      const current = await idle()
      if (current < last) touches++
      last = current
    }
    stop.abort()
    assert.deepEqual(await stolen, [null, null])
    await worker.done([work?.id ?? ''])
  })

  test('nothing is lost and nothing stays behind, whatever fails, crashes or is poison', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    const total = 200
    const finished = new Set<unknown>()
    const stop = new AbortController()
    const dead = async () => (await store.log.streamStats(`${at.stream}_dlq`)).length
    const work = async (name: string) => {
      let consumer = consume(store.log, at, { consumer: name, abandonedAfterMs: 300, maxDeliveries: 50 })
      for (let turn = 0; ; turn++) {
        const batch = await consumer.next(stop.signal, 1 + (turn % 10))
        if (batch === null) return
        // A crash: this instance and all that it had in flight are forgotten.
        if (turn % 5 === 3)
          consumer = consume(store.log, at, { consumer: name, abandonedAfterMs: 300, maxDeliveries: 50 })
        else await Promise.all(batch.map((entry) => finish(consumer, entry)))
      }
    }
    const finish = async (consumer: Consumer, entry: Delivery) => {
      const [n] = numbers([entry]) as [number]
      if (n % 20 === 0) return consumer.poison(entry, 'bad')
      if (n % 3 === 0 && entry.deliveries === 1) return void (await consumer.fail(entry, 'once'))
      finished.add(n)
      await consumer.done([entry.id])
    }
    const workers = ['a', 'b', 'c'].map(work)
    for (let i = 0; i < total; i += 20) await store.log.append(at.stream, numbered(i, 20))
    await until(async () => (await store.log.streamStats(at.stream)).length === 0)
    stop.abort()
    await Promise.all(workers)
    assert.equal(finished.size + (await dead()), total)
    assert.equal(await dead(), 10)
  })
}

const boundTests = (open: OpenStore): void => {
  test('asks for as many entries as its caller has room for', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, numbered(0, 5))
    const consumer = consume(store.log, at)
    assert.deepEqual([(await next(consumer, 2)).length, (await next(consumer, 3)).length], [2, 3])
  })

  test('keeps batches near their limit in bytes, and takes one entry however large', async () => {
    await using store = await open()
    const at = await prepare(store.log)
    await store.log.append(at.stream, Array(30).fill({ event: 'x'.repeat(100_000) }))
    const consumer = consume(store.log, at, { batchSize: 20, maxBatchBytes: 250_000 })
    await next(consumer)
    assert.deepEqual([(await next(consumer)).length, (await next(consumer)).length], [2, 2])
    const tiny = consume(store.log, { ...at, group: 'tiny' }, { batchSize: 100, maxBatchBytes: 1 })
    assert.equal((await next(tiny)).length, 1)
  })
}
