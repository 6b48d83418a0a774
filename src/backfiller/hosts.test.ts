import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { outcomeOfFailure, type HostOutcome } from './host.ts'
import { Hosts, type Slot } from './hosts.ts'
import { RepoFailure } from './classify.ts'

const never = new AbortController().signal
const turn = () => new Promise((resolve) => setImmediate(resolve))
const OK: HostOutcome = { kind: 'ok', waitMs: null }
const AWAY: HostOutcome = { kind: 'away' }
const limits = { concurrency: 4, perHost: 2, patienceMs: 30_000 }

/** Drives the clock by hand. */
const withClock = (t: TestContext) => t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })

const watch = (promise: Promise<Slot>) => {
  const seen: { slot?: Slot; error?: unknown } = {}
  promise.then(
    (slot) => (seen.slot = slot),
    (error: unknown) => (seen.error = error),
  )
  return seen
}

test('one host gets no more than its share, the others the rest', async () => {
  const hosts = new Hosts(limits)
  const first = await hosts.acquire('a', never)
  await hosts.acquire('a', never)
  const third = watch(hosts.acquire('a', never))
  await hosts.acquire('b', never)
  await hosts.acquire('c', never)
  const fifth = watch(hosts.acquire('d', never))
  await turn()
  assert.equal(third.slot, undefined)
  assert.equal(fifth.slot, undefined)
  assert.equal(hosts.running, 4)
  assert.equal(hosts.waiting, 2)
  first.release(OK)
  await turn()
  assert.notEqual(third.slot, undefined)
  assert.equal(fifth.slot, undefined)
})

test('a slot is given back once, however often it is released', async () => {
  const hosts = new Hosts(limits)
  const slot = await hosts.acquire('a', never)
  slot.release(OK)
  slot.release(OK)
  assert.equal(hosts.running, 0)
})

test('a host is not asked before the time it named, others are', async (t) => {
  withClock(t)
  const hosts = new Hosts(limits)
  ;(await hosts.acquire('a', never)).release({ kind: 'limited', waitMs: 5_000 })
  assert.equal(hosts.held, 1)
  const held = watch(hosts.acquire('a', never))
  ;(await hosts.acquire('b', never)).release(OK)
  t.mock.timers.tick(4_999)
  await turn()
  assert.equal(held.slot, undefined)
  t.mock.timers.tick(1_000)
  await turn()
  assert.notEqual(held.slot, undefined)
})

test('"too many requests" without a time means a growing wait of ours', async (t) => {
  withClock(t)
  const hosts = new Hosts(limits)
  let slot = await hosts.acquire('a', never)
  for (const nominalMs of [1_000, 2_000, 4_000, 8_000, 16_000]) {
    slot.release({ kind: 'limited', waitMs: null })
    const next = watch(hosts.acquire('a', never))
    t.mock.timers.tick(nominalMs / 2 - 1)
    await turn()
    assert.equal(next.slot, undefined)
    t.mock.timers.tick(nominalMs / 2 + 1)
    await turn()
    assert.ok(next.slot)
    slot = next.slot
  }
})

test('a wait of zero seconds is not taken as leave to hammer', async (t) => {
  withClock(t)
  const hosts = new Hosts(limits)
  ;(await hosts.acquire('a', never)).release({ kind: 'limited', waitMs: 0 })
  const held = watch(hosts.acquire('a', never))
  t.mock.timers.tick(499)
  await turn()
  assert.equal(held.slot, undefined)
  t.mock.timers.tick(501)
  await turn()
  assert.notEqual(held.slot, undefined)
})

test('a host that says "this was your last one" is left alone until its window ends', async (t) => {
  withClock(t)
  const hosts = new Hosts(limits)
  ;(await hosts.acquire('a', never)).release({ kind: 'ok', waitMs: 10_000 })
  const held = watch(hosts.acquire('a', never))
  t.mock.timers.tick(9_999)
  await turn()
  assert.equal(held.slot, undefined)
  t.mock.timers.tick(1_001)
  await turn()
  assert.notEqual(held.slot, undefined)
})

test('a repo is not kept longer than our patience when its host asks for more', async (t) => {
  withClock(t)
  const hosts = new Hosts(limits)
  ;(await hosts.acquire('a', never)).release({ kind: 'limited', waitMs: 600_000 })
  const held = watch(hosts.acquire('a', never))
  t.mock.timers.tick(29_999)
  await turn()
  assert.equal(held.error, undefined)
  t.mock.timers.tick(1)
  await turn()
  assert.equal((held.error as unknown as RepoFailure).reason, 'rate_limited')
  assert.equal(hosts.waiting, 0)
})

test('a host that does not answer is tried by one repo at a time, then refused, then tried again', async (t) => {
  withClock(t)
  const hosts = new Hosts({ ...limits, perHost: 3 })
  for (let i = 0; i < 3; i++) (await hosts.acquire('a', never)).release(AWAY, 'refused')
  assert.deepEqual(hosts.heldHosts(5), [
    { name: 'a', why: 'host_down', answeredAt: null, failures: 3, lastError: 'refused' },
  ])
  t.mock.timers.tick(2_001)
  const probe = await hosts.acquire('a', never)
  const second = watch(hosts.acquire('a', never))
  await turn()
  assert.equal(second.slot, undefined)
  probe.release(OK)
  await turn()
  assert.notEqual(second.slot, undefined)
})

test('a repo waits no more than a second for a host that gives no answer, left alone or being tried', async (t) => {
  withClock(t)
  const hosts = new Hosts(limits)
  for (let i = 0; i < 3; i++) (await hosts.acquire('a', never)).release(AWAY)
  t.mock.timers.tick(2_001)
  ;(await hosts.acquire('a', never)).release(AWAY)
  const atHeld = watch(hosts.acquire('a', never))
  t.mock.timers.tick(999)
  await turn()
  assert.equal(atHeld.error, undefined)
  t.mock.timers.tick(1)
  await turn()
  assert.equal((atHeld.error as RepoFailure | undefined)?.reason, 'host_down')
  t.mock.timers.tick(4_001)
  await hosts.acquire('a', never)
  const besideProbe = watch(hosts.acquire('a', never))
  t.mock.timers.tick(1_000)
  await turn()
  assert.equal((besideProbe.error as RepoFailure | undefined)?.reason, 'host_down')
})

test('an answer, even an angry one, ends the doubt whether a host is there', async (t) => {
  withClock(t)
  const hosts = new Hosts(limits)
  for (let i = 0; i < 3; i++) (await hosts.acquire('a', never)).release(AWAY)
  t.mock.timers.tick(2_001)
  ;(await hosts.acquire('a', never)).release({ kind: 'limited', waitMs: 20_000 }, '429')
  const waiting = watch(hosts.acquire('a', never))
  t.mock.timers.tick(21_001)
  await turn()
  assert.notEqual(waiting.slot, undefined)
})

test('the wait for a host that asked for time is told while it lasts, once per repo', async (t) => {
  withClock(t)
  let seconds = 0
  const hosts = new Hosts({ ...limits, onLimitedSeconds: (more) => (seconds += more) })
  ;(await hosts.acquire('a', never)).release({ kind: 'limited', waitMs: 10_000 })
  const [first, stop] = [watch(hosts.acquire('a', never)), new AbortController()]
  const second = watch(hosts.acquire('a', stop.signal))
  t.mock.timers.tick(2_000)
  assert.equal(seconds, 4)
  stop.abort()
  t.mock.timers.tick(3_000)
  assert.equal(seconds, 7)
  for (let passed = 0; passed < 20; passed++) t.mock.timers.tick(1_000)
  await turn()
  assert.ok(first.slot && second.error)
  assert.ok(seconds >= 12 && seconds < 14, 'and not after it')
})

test('an abort ends a wait', async () => {
  const hosts = new Hosts({ ...limits, concurrency: 1 })
  await hosts.acquire('a', never)
  const stop = new AbortController()
  const waiting = hosts.acquire('a', stop.signal)
  stop.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  await assert.rejects(hosts.acquire('a', stop.signal), { name: 'AbortError' })
  assert.equal(hosts.waiting, 0)
})

test('only what says something of the host is told to it', () => {
  const told = (reason: RepoFailure['reason'], retryAfterMs?: number) =>
    outcomeOfFailure(new RepoFailure(reason, 'x', { retryAfterMs }))
  assert.deepEqual(told('rate_limited', 3), { kind: 'limited', waitMs: 3 })
  assert.deepEqual(told('rate_limited'), { kind: 'limited', waitMs: null })
  assert.deepEqual(told('http_5xx', 3), { kind: 'limited', waitMs: 3 })
  assert.deepEqual(told('http_5xx'), OK)
  assert.deepEqual(told('unreachable'), AWAY)
  assert.deepEqual(told('timeout'), AWAY)
  assert.deepEqual(told('bad_signature'), OK)
})
