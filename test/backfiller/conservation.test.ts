/** The two accounts of the backfiller under everything that can go wrong: hosts, bad repos, an absent store, stops. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { scrape } from '../../src/monitoring/registry.ts'
import { TransientError } from '../../src/lib/errors.ts'
import type { Sandbox } from '../../src/sandbox/index.ts'
import type { Log } from '../../src/stream/log.ts'
import {
  assertWhole,
  eventsOf,
  openTestLog,
  openTestNetwork,
  queue,
  startBackfiller,
  until,
  untilDrained,
  type Running,
} from './testing.ts'

const FAULTS = [
  ['bad_signature', { target: 'repo', times: 4 }],
  ['missing_block', { target: 'repo', times: 4 }],
  ['truncated_car', { target: 'repo', times: 4 }],
  ['slow_car', { target: 'repo', times: 3, bytesPerSecond: 20_000 }],
  ['http_429', { target: 'com.atproto.sync.getRepo', times: 2, headers: false }],
  ['http_5xx', { target: 'com.atproto.sync.getRepo', times: 5 }],
  ['plc_down', { times: 1 }],
] as const

/** A store that is away for every `nth` append and acknowledgement. */
const failing = (log: Log, nth: number): Log => {
  let calls = 0
  const sometimes =
    <A extends unknown[], R>(run: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      ++calls % nth === 0 ? Promise.reject(new TransientError('away')) : run(...args)
  return new Proxy(log, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>
      return name === 'append' || name === 'ack' ? sometimes(method) : method
    },
  })
}

const RESIDUAL = /^backfiller_conservation_residual\{stage="\w+"\} (.+)$/gm

const assertBalanced = async ({ registry }: Running): Promise<void> => {
  const { text } = await scrape(registry)
  assert.deepEqual(
    [...text.matchAll(RESIDUAL)].map(([, value]) => value),
    ['0', '0'],
  )
}

/** Asks for the accounts again and again, in whatever state it meets the process, until `done`. */
const watch = async (running: Running, done: Promise<unknown>): Promise<void> => {
  let ended = false
  const end = done.finally(() => (ended = true))
  while (!ended) {
    await assertBalanced(running).catch(async (error: unknown) => {
      // Before the log is closed under it.
      await running.stop()
      throw error
    })
    await new Promise(setImmediate)
  }
  await end
  await assertBalanced(running)
}

type Plan = {
  readonly faults: readonly (typeof FAULTS)[number][]
  readonly nth: number
  /** Appends after which a process is stopped without any grace, one process after the other. */
  readonly stops: readonly number[]
}

const plans: fc.Arbitrary<Plan> = fc.record({
  faults: fc.subarray([...FAULTS], { minLength: 1 }),
  nth: fc.integer({ min: 4, max: 30 }),
  stops: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 2 }),
})

const runPlan = async (t: TestContext, network: Sandbox, { faults, nth, stops }: Plan): Promise<void> => {
  const log = await openTestLog(t)
  for (const [kind] of FAULTS) network.setFault(kind, null)
  for (const [kind, spec] of faults) network.setFault(kind, spec)
  const truth = network.truth()
  await queue(
    log,
    truth.accounts.map(({ did }) => did),
  )
  for (const after of stops) {
    const running = startBackfiller(t, {
      ...OPTIONS,
      log: failing(log, nth),
      plcUrl: network.plcUrl,
      stopGraceMs: 0,
    })
    const written = async () => (await log.streamStats('firehose_backfill')).length
    const limit = (await written()) + after
    const drained = async () => (await log.streamStats('repo_backfill')).length === 0
    await watch(
      running,
      until(async () => (await written()) >= limit || (await drained())),
    )
    await watch(running, running.stop())
  }
  const last = startBackfiller(t, { ...OPTIONS, log: failing(log, nth), plcUrl: network.plcUrl })
  await watch(last, untilDrained(log))
  await last.stop()
  await assertBalanced(last)
  assertWhole(await eventsOf(log), truth)
}

const OPTIONS = { batchSize: 7, concurrency: 4 }

test('whatever fails, and whenever it is looked at, no repo and no record is lost or counted twice', async (t) => {
  const network = await openTestNetwork(t, { accounts: 8, records: 120 })
  await fc.assert(
    fc.asyncProperty(plans, (plan) => runPlan(t, network, plan)),
    // Shrinking a failure would start hundreds of networks.
    { numRuns: 4, endOnFailure: true, examples: [[{ faults: [...FAULTS], nth: 6, stops: [2, 9] }]] },
  )
})
