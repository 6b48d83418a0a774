/**
 * What others do to a stream on Redis, by hand or by configuration, and what the figures say of it. Law: undelivered is exact
 * or unknown, never wrong; what was lost before delivery is never counted short, by all processes together, and exactly where
 * nobody moved the group.
 *
 * What cannot be seen, by anybody: an XGROUP SETID that comes between another foreign act on entries ahead of the group and the
 * next look of a process of ours (at most a second while one reads or is scraped), or whose skipped entries are deleted
 * before that look; a reader that is not ours and crosses a gap on Redis 8 before we look; DEL, FLUSHALL and a
 * restart without persistence, which take the stream's own counters with them; a skip on a stream with several groups.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Log } from '../../src/stream/log.ts'
import { positionOf, isAfter } from '../../src/stream/redis/replies.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import { rawRedis, type RawRedis } from './raw-redis.ts'
import { idsOf, numbered, uniqueName } from './store.ts'

const GROUP = 'firehose_group'

type Place = AsyncDisposable & { readonly logs: readonly [Log, Log]; readonly raw: RawRedis }

/** Two processes of ours and an operator. */
const openPlace = async (url: string): Promise<Place> => {
  const logs: [Log, Log] = [await openRedisLog({ url }), await openRedisLog({ url })]
  const raw = await rawRedis(url)
  return {
    logs,
    raw,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...logs, raw].map((one) => one[Symbol.asyncDispose]()))
    },
  }
}

const figuresOf = (log: Log, stream: string) =>
  log.streamFigures({ stream, group: GROUP, deadLetterStream: null })

type Step =
  | { readonly do: 'append' | 'xtrim'; readonly count: number }
  | { readonly do: 'read'; readonly log: 0 | 1; readonly count: number }
  | { readonly do: 'ack' | 'claim' | 'xdel'; readonly picks: number }
  | { readonly do: 'poll'; readonly log: 0 | 1 }
  | { readonly do: 'setid'; readonly at: number }
  | { readonly do: 'trim' | 'delconsumer' }

const step = (mayMove: boolean): fc.Arbitrary<Step> => {
  const log = fc.constantFrom<0 | 1>(0, 1)
  const count = fc.integer({ min: 1, max: 9 })
  const picks = fc.nat({ max: 255 })
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), count }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('read' as const), log, count }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('ack' as const, 'xdel' as const), picks }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('claim' as const), picks }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('poll' as const), log }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('xtrim' as const), count: fc.nat({ max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('trim' as const, 'delconsumer' as const) }) },
    ...(mayMove ? [fc.record({ do: fc.constant('setid' as const), at: fc.nat({ max: 40 }) })] : []),
  )
}

class History {
  readonly stream = uniqueName('foreign')
  readonly #place: Place
  readonly #appended: string[] = []
  readonly #delivered = new Set<string>()
  readonly #pending = new Set<string>()

  constructor(place: Place) {
    this.#place = place
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.#place.logs[0].ensureGroup(this.stream, GROUP)
    // Somebody has to have looked once: what went before the first look is nobody's loss.
    await this.#look(0)
    for (const one of steps) await this.#take(one)
  }

  async #take(one: Step): Promise<void> {
    const { raw, logs } = this.#place
    switch (one.do) {
      case 'append':
        return this.#append(one.count)
      case 'read':
        return void (await this.#read(one.log, one.count))
      case 'ack':
        return this.#ack(one.picks)
      case 'claim':
        return this.#claim(picked([...this.#pending], one.picks))
      case 'poll':
        return this.#look(one.log)
      case 'trim':
        return void (await logs[0].trim(this.stream))
      case 'xdel': {
        const ids = picked(await this.#stored(), one.picks)
        if (ids.length > 0) await raw.send('XDEL', this.stream, ...ids)
        return
      }
      case 'xtrim':
        return void (await raw.send('XTRIM', this.stream, 'MAXLEN', String(one.count)))
      case 'delconsumer':
        await raw.send('XGROUP', 'DELCONSUMER', this.stream, GROUP, 'one')
        return this.#pending.clear()
      case 'setid':
        await this.#look(0)
        await raw.send('XGROUP', 'SETID', this.stream, GROUP, ['0-0', ...this.#appended][one.at] ?? '0-0')
        return this.#look(1)
    }
  }

  async #append(count: number): Promise<void> {
    for (let i = 0; i < count; i++)
      this.#appended.push(String(await this.#place.raw.send('XADD', this.stream, '*', 'event', '{}')))
  }

  async #read(which: 0 | 1, maxEntries: number): Promise<number> {
    const reader = { stream: this.stream, group: GROUP, consumer: 'one' }
    const ids = idsOf(await this.#place.logs[which].read(reader, { maxEntries, blockMs: 0 }))
    for (const id of ids) {
      this.#pending.add(id)
      this.#delivered.add(id)
    }
    return ids.length
  }

  async #ack(picks: number): Promise<void> {
    const ids = picked([...this.#pending], picks)
    await this.#place.logs[0].ack(this.stream, GROUP, ids)
    for (const id of ids) this.#pending.delete(id)
  }

  /** What is pending and has no body is handed over once, empty, by whoever claims it. */
  async #claim(ids: readonly string[]): Promise<void> {
    const stored = new Set(await this.#stored())
    const reader = { stream: this.stream, group: GROUP, consumer: 'one' }
    const entries = await this.#place.logs[1].claim(reader, ids, 0)
    const gone = ids.filter((id) => !stored.has(id))
    assert.deepEqual(
      entries
        .filter(({ fields }) => fields === null)
        .map(({ id }) => id)
        .sort(),
      gone.sort(),
    )
    await this.#place.logs[1].ack(this.stream, GROUP, gone)
    for (const id of gone) this.#pending.delete(id)
  }

  async #stored(): Promise<string[]> {
    return ((await this.#place.raw.send('XRANGE', this.stream, '-', '+')) as [string][]).map(([id]) => id)
  }

  async #ahead(): Promise<string[]> {
    const [group] = (await this.#place.raw.send('XINFO', 'GROUPS', this.stream)) as [unknown[]]
    const position = positionOf(String(group[group.indexOf('last-delivered-id') + 1]))
    return (await this.#stored()).filter((id) => isAfter(positionOf(id), position))
  }

  async #look(which: 0 | 1): Promise<void> {
    const { undelivered, entries } = await figuresOf(this.#place.logs[which], this.stream)
    assert.ok(undelivered === null || undelivered === (await this.#ahead()).length)
    assert.equal(entries, (await this.#stored()).length)
  }

  /** What the model says was lost before delivery, and what all looks together counted. */
  async verdict(): Promise<{ truth: number; told: number }> {
    await this.#look(0)
    const ahead = new Set(await this.#ahead())
    const truth = this.#appended.filter((id) => !this.#delivered.has(id) && !ahead.has(id)).length
    const [a, b] = await Promise.all(this.#place.logs.map((log) => figuresOf(log, this.stream)))
    return { truth, told: (a?.lost ?? 0) + (b?.lost ?? 0) }
  }
}

const picked = (ids: readonly string[], picks: number): string[] =>
  ids.filter((_, i) => (picks >> (i % 8)) & 1)

const propertyTest = (url: () => Promise<string>, mayMove: boolean): void => {
  const acts = mayMove ? 'XDEL, XTRIM, DELCONSUMER and SETID' : 'XDEL, XTRIM and DELCONSUMER'
  const claim = mayMove ? 'never counted short' : 'counted exactly, once among two processes'
  test(`after any history with ${acts} undelivered is never wrong and losses are ${claim}`, async () => {
    await using place = await openPlace(await url())
    const steps = fc.array(step(mayMove), { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const run = new History(place)
        await run.run(history)
        const { truth, told } = await run.verdict()
        assert.ok(mayMove ? told >= truth : told === truth, `told ${told}, lost ${truth}`)
      }),
      { numRuns: 150 },
    )
  })
}

export const foreignTests = (name: string, url: () => Promise<string>): void => {
  describe(`the figures of ${name} when others meddle`, () => {
    propertyTest(url, false)
    propertyTest(url, true)
    lossTests(url)
  })
}

const filled = async ({ logs, raw }: Place, entries: number) => {
  const stream = uniqueName('loss')
  await logs[0].ensureGroup(stream, GROUP)
  await logs[0].append(stream, numbered(0, entries))
  const reader = { stream, group: GROUP, consumer: 'one' }
  const read = async (maxEntries: number) => idsOf(await logs[0].read(reader, { maxEntries, blockMs: 0 }))
  const lost = async () => (await figuresOf(logs[0], stream)).lost
  return { stream, read, lost, raw, log: logs[0], figures: () => figuresOf(logs[0], stream) }
}

const lossTests = (url: () => Promise<string>): void => {
  test('a trim of undelivered entries that nobody polled is counted by the read that crosses the gap, once', async () => {
    await using place = await openPlace(await url())
    const at = await filled(place, 50)
    await at.read(10)
    await at.raw.send('XTRIM', at.stream, 'MAXLEN', '5')
    await at.read(1)
    await at.read(100)
    assert.equal(await at.lost(), 35)
    assert.equal((await at.figures()).undelivered, 0)
    assert.equal(await at.lost(), 35)
    assert.equal((await figuresOf(place.logs[1], at.stream)).lost, 0)
  })

  test('what an operator skips by XGROUP SETID is counted, also when it is more than can be looked through', async () => {
    await using place = await openPlace(await url())
    for (const entries of [20, 4_000]) {
      const at = await filled(place, entries)
      await at.read(1)
      const all = await at.log.range(at.stream, { maxEntries: entries })
      const half = entries / 2
      await at.raw.send('XGROUP', 'SETID', at.stream, GROUP, all[half - 1]?.id ?? '')
      await at.log.ack(at.stream, GROUP, [all[0]?.id ?? ''])
      await at.log.trim(at.stream)
      assert.equal(await at.lost(), half - 1)
      assert.equal((await at.figures()).undelivered, half)
    }
  })

  test('undelivered is unknown while a deletion hides in a long backlog, and its loss is counted when it is over', async () => {
    await using place = await openPlace(await url())
    const at = await filled(place, 3_000)
    await at.read(10)
    const all = await at.log.range(at.stream, { maxEntries: 3_000 })
    await at.raw.send('XDEL', at.stream, all[2_000]?.id ?? '', all[2_500]?.id ?? '')
    const { undelivered, oldestUndeliveredAgeMs } = await at.figures()
    assert.equal(undelivered, null)
    assert.ok((oldestUndeliveredAgeMs ?? -1) >= 0)
    for (let got = await at.read(700); got.length > 0;) got = await at.read(700)
    assert.equal((await at.figures()).undelivered, 0)
    assert.equal(await at.lost(), 2)
  })
}
