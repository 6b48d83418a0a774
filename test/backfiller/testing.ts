/** A backfiller between a sandbox and a log, for tests: fills the input, waits for conditions, compares with the truth. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { decodeEvent, encodeBackfill } from '../../src/event/codec.ts'
import type { StreamEvent } from '../../src/event/event.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { scrape } from '../../src/monitoring/registry.ts'
import type { Sandbox, SandboxOptions, Truth } from '../../src/sandbox/index.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import { openEmbeddedLog } from '../../src/stream/embedded/index.ts'
import type { Fields, Log } from '../../src/stream/log.ts'
import { createBackfiller, type Backfiller, type BackfillerOptions } from '../../src/backfiller/index.ts'

export const openTestLog = async (t: TestContext): Promise<Log> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-'))
  const log = await openEmbeddedLog({ dataDir })
  t.after(async () => {
    await log[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true })
  })
  return log
}

/** A network that stands still: everything it has is there to be backfilled. */
export const openTestNetwork = async (t: TestContext, options: SandboxOptions = {}): Promise<Sandbox> => {
  const still = { accounts: 12, records: 600, backfillShare: 1, ratePerSecond: 0 }
  const sandbox = await startSandbox({ ...still, ...options })
  t.after(() => sandbox.close())
  return sandbox
}

/** Quick retries and short waits: a test waits for conditions, not for production's patience. */
export const quick = {
  retryInitialMs: 20,
  retryMaxMs: 50,
  maxRetries: 50,
  stopGraceMs: 5_000,
} as const satisfies Partial<BackfillerOptions>

export type Running = Backfiller & {
  /** Resolves when it has stopped; rejects as `run` does. */
  stop(): Promise<void>
  /** The value of one series, 0 when it is not there. */
  metric(series: string): Promise<number>
}

export const startBackfiller = (
  t: TestContext,
  { log, plcUrl, ...options }: Partial<BackfillerOptions> & Pick<BackfillerOptions, 'log' | 'plcUrl'>,
): Running => {
  const backfiller = createBackfiller({
    log,
    plcUrl,
    logger: silentLogger,
    version: '0.0.0',
    consumer: 'test',
    allowHttp: true,
    ...quick,
    ...options,
  })
  const controller = new AbortController()
  const ended = backfiller.service.run(controller.signal)
  const stop = () => {
    controller.abort()
    return ended
  }
  t.after(() => stop().catch(() => undefined))
  return { ...backfiller, stop, metric: (series) => readMetric(backfiller, series) }
}

const readMetric = async ({ registry }: Backfiller, series: string): Promise<number> => {
  const { text } = await scrape(registry)
  const line = text.split('\n').find((line) => line.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1) ?? 0)
}

export const queue = (log: Log, dids: readonly string[], stream = 'repo_backfill'): Promise<void> =>
  log.append(
    stream,
    dids.map((did) => encodeBackfill({ did, host: 'https://relay', rev: '', status: null, active: true })),
  )

/** Waits for a condition; the limit only ends a test that would hang. */
export const until = async (condition: () => Promise<boolean>, limitMs = 30_000): Promise<void> => {
  const end = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > end) assert.fail('the condition was never met')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export const untilDrained = (log: Log, stream = 'repo_backfill'): Promise<void> =>
  until(async () => (await log.streamStats(stream)).length === 0)

export const entriesOf = async (log: Log, stream: string): Promise<readonly Fields[]> => {
  const entries: Fields[] = []
  for (let afterId: string | undefined; ;) {
    const page = await log.range(stream, { maxEntries: 1_000, ...(afterId !== undefined && { afterId }) })
    for (const { fields } of page) if (fields !== null) entries.push(fields)
    if (page.length < 1_000) return entries
    afterId = page.at(-1)?.id
  }
}

export const eventsOf = async (log: Log, stream = 'firehose_backfill'): Promise<readonly StreamEvent[]> =>
  (await entriesOf(log, stream)).map((fields) => {
    const event = decodeEvent(fields)
    assert.ok(!('poison' in event))
    return event
  })

/** uri and cid of every create event, each once, sorted. */
export const recordsIn = (events: readonly StreamEvent[]): readonly string[] => {
  const records = events.flatMap((event) =>
    event.type === 'create' ? [`at://${event.did}/${event.collection}/${event.rkey} ${event.cid}`] : [],
  )
  return [...new Set(records)].toSorted()
}

/** What a backfill of these accounts with the default filter must yield. */
export const recordsOf = ({ records, accounts }: Truth): readonly string[] => {
  const active = new Set(accounts.filter(({ status }) => status === null).map(({ did }) => did))
  return records
    .filter(({ did, collection }) => active.has(did) && /^(app|chat)\.bsky\./.test(collection))
    .map(({ uri, cid }) => `${uri} ${cid}`)
    .toSorted()
}

/** The law of the output: per repo, its records and then its repo event, which names the commit they all carry. */
export const assertWhole = (events: readonly StreamEvent[], truth: Truth): void => {
  assert.deepEqual(recordsIn(events), recordsOf(truth))
  for (const { did, head, rev, status } of truth.accounts) {
    if (status !== null) continue
    const own = events.filter((event) => event.did === did)
    const last = own.at(-1)
    assert.ok(last?.type === 'repo')
    assert.equal(last.commit, head)
    assert.equal(last.rev, rev)
    for (const event of own) assert.ok('commit' in event && event.commit === head && event.seq === -1)
  }
}
