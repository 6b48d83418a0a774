/**
 * A model of the log, a few lines of arrays, and random histories of both: after any of them the store holds what the model
 * holds, and its figures are the truth.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Log } from '../../src/stream/log.ts'
import { numbered, type OpenStore, uniqueName } from './store.ts'

type Step =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'read'; readonly group: number; readonly consumer: number; readonly max: number }
  | {
      readonly do: 'ack' | 'claim' | 'bury'
      readonly group: number
      readonly consumer: number
      readonly picks: number
    }
  | { readonly do: 'trim' }
  | { readonly do: 'group'; readonly group: number }

const steps = (groups: number): fc.Arbitrary<Step[]> => {
  const group = fc.nat({ max: groups - 1 })
  const consumer = fc.nat({ max: 1 })
  const picks = fc.nat({ max: 255 })
  const onPending = (what: 'ack' | 'claim' | 'bury') =>
    fc.record({ do: fc.constant(what), group, consumer, picks }) as fc.Arbitrary<Step>
  return fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('append'), count: fc.nat({ max: 9 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('read'),
          group,
          consumer,
          max: fc.integer({ min: 1, max: 8 }),
        }),
      },
      { weight: 4, arbitrary: onPending('ack') },
      { weight: 2, arbitrary: onPending('claim') },
      { weight: 1, arbitrary: onPending('bury') },
      { weight: 1, arbitrary: fc.constant<Step>({ do: 'trim' }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('group'), group }) },
    ),
    { minLength: 1, maxLength: 40 },
  )
}

type GroupModel = { undelivered: string[]; pending: Map<string, { consumer: string; deliveries: number }> }

class Model {
  stored: string[] = []
  readonly groups = new Map<string, GroupModel>()
  letters = 0

  group(name: string): GroupModel {
    const known = this.groups.get(name)
    if (known !== undefined) return known
    const created = { undelivered: [...this.stored], pending: new Map() }
    this.groups.set(name, created)
    return created
  }

  /** An entry goes when no group has still to see or to finish it. */
  free(id: string): void {
    const isWanted = [...this.groups.values()].some((g) => g.pending.has(id) || g.undelivered.includes(id))
    if (!isWanted) this.stored = this.stored.filter((stored) => stored !== id)
  }
}

/** The bits of `picks` choose among the first eight. */
const pick = (ids: readonly string[], picks: number): string[] =>
  ids.filter((_, i) => i < 8 && (picks >> i) & 1)

class Run {
  readonly #log: Log
  readonly stream = uniqueName('model')
  readonly model = new Model()
  readonly #consumers = ['one', 'two'] as const

  constructor(log: Log) {
    this.#log = log
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'append') return this.#append(step.count)
    if (step.do === 'trim') return void (await this.#log.trim(this.stream))
    const group = `group${step.group}`
    await this.#log.ensureGroup(this.stream, group)
    const model = this.model.group(group)
    if (step.do === 'group') return
    const reader = { stream: this.stream, group, consumer: this.#consumers[step.consumer] ?? 'one' }
    if (step.do === 'read') {
      const entries = await this.#log.read(reader, { maxEntries: step.max, blockMs: 0 })
      const ids = entries.map((entry) => entry.id)
      assert.deepEqual(ids, model.undelivered.splice(0, step.max))
      for (const id of ids) model.pending.set(id, { consumer: reader.consumer, deliveries: 1 })
      return
    }
    const ids = pick([...model.pending.keys()], step.picks)
    if (step.do === 'claim') {
      const claimed = await this.#log.claim(reader, ids, 0)
      assert.deepEqual(claimed.map((entry) => entry.id).sort(), [...ids].sort())
      for (const { id, deliveries } of claimed)
        model.pending.set(id, { consumer: reader.consumer, deliveries })
      return
    }
    if (step.do === 'ack') assert.equal(await this.#log.ack(this.stream, group, ids), ids.length)
    else for (const id of ids) await this.#bury(group, id)
    for (const id of ids) {
      model.pending.delete(id)
      this.model.free(id)
    }
  }

  async check(): Promise<void> {
    const stored = await this.#log.range(this.stream, { maxEntries: 10_000 })
    assert.deepEqual(
      stored.map((entry) => entry.id),
      this.model.stored,
    )
    assert.equal((await this.#log.streamStats(this.stream)).length, this.model.stored.length)
    assert.equal((await this.#log.streamStats(`${this.stream}_dlq`)).length, this.model.letters)
    for (const [name, group] of this.model.groups) await this.#checkGroup(name, group)
  }

  async #checkGroup(name: string, group: GroupModel): Promise<void> {
    const rows = await this.#log.pending(this.stream, name, { minIdleMs: 0, maxEntries: 10_000 })
    assert.deepEqual(
      rows.map(({ id, consumer, deliveries }) => ({ id, consumer, deliveries })),
      [...group.pending].map(([id, rest]) => ({ id, ...rest })).sort((a, b) => compareIds(a.id, b.id)),
    )
    const stats = await this.#log.groupStats(this.stream, name)
    assert.equal(stats.pending, group.pending.size)
    // With several groups Redis cannot always tell; it must not guess.
    const mayBeUnknown = this.#log.kind === 'redis' && this.model.groups.size > 1
    if (stats.lag !== null || !mayBeUnknown) assert.equal(stats.lag, group.undelivered.length)
  }

  async #append(count: number): Promise<void> {
    const last = this.model.stored.at(-1)
    await this.#log.append(this.stream, numbered(0, count))
    const options = { maxEntries: 10_000, ...(last !== undefined && { afterId: last }) }
    const ids = (await this.#log.range(this.stream, options)).map((entry) => entry.id)
    assert.equal(ids.length, count)
    this.model.stored.push(...ids)
    for (const group of this.model.groups.values()) group.undelivered.push(...ids)
  }

  async #bury(group: string, id: string): Promise<void> {
    const to = { stream: `${this.stream}_dlq`, fields: { reason: 'test' } }
    await this.#log.deadLetter({ stream: this.stream, group, id }, to)
    this.model.letters++
  }
}

const compareIds = (a: string, b: string): number => {
  const [[ams = 0, an = 0], [bms = 0, bn = 0]] = [a, b].map((id) => id.split('-').map(Number)) as [
    number[],
    number[],
  ]
  return ams - bms || an - bn
}

export const modelTests = (open: OpenStore): void => {
  for (const groups of [1, 3]) {
    test(`after any history with ${groups} group(s) the store holds what it should and its figures are true`, async () => {
      await using store = await open()
      await fc.assert(
        fc.asyncProperty(steps(groups), async (history) => {
          const run = new Run(store.log)
          for (const step of history) await run.step(step)
          await run.check()
        }),
        { numRuns: 60 },
      )
    })
  }
}
