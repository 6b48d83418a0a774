/**
 * `npm run conformance`: Millrace beside the living reference. Starts the real test network, writes a rich history into it,
 * lets Millrace index the same firehose, compares every row, then lets the real AppView answer from both databases. Ends 0
 * when everything is equal but for what docs/conformance.md names, 3 on a difference, 69 where the reference cannot run.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { openPool } from '../src/db/pool.ts'
import { silentLogger } from '../src/lib/logger.ts'
import { readHistory } from '../test/conformance/history.ts'
import { LIVING_RULES } from '../test/conformance/rules-living.ts'
import { REFERENCE_RULES, silentMessages } from '../test/conformance/rules-reference.ts'
import { startPostgres } from '../test/harness/servers.ts'
import { interview } from './interview.ts'
import { compareTables } from './compare.ts'
import { hollow, operationsOf } from './coverage.ts'
import { CannotRun, install } from './install.ts'
import { writeLabels } from './labels.ts'
import { startMillrace, type Millrace } from './millrace.ts'
import { hostsOf, indexed, REFERENCE_SCHEMA, startAppViewOn, startNetwork, type Network } from './network.ts'
import { differs, drawReport, type Report } from './report.ts'
import { seed } from './seed/index.ts'
import { takeOver } from './takeover.ts'
import { listen, type Tap } from './tap.ts'
import { until } from './until.ts'

const EXIT = { equal: 0, different: 3, cannotRun: 69 } as const

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    spoil: { type: 'boolean', default: false },
  },
})

const seconds = (): number => Math.round(performance.now() / 1_000)
const say = (text: string): void => void process.stderr.write(`conformance, ${seconds()} s: ${text}\n`)

const databaseOf = (url: string, name: string): string => {
  const found = new URL(url)
  found.pathname = `/${name}`
  return found.href
}

const createDatabases = async (url: string, names: readonly string[]): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const name of names) await client.query(`create database ${name}`)
  await client.end()
}

/** The PDS leaves its folders behind: they are made in one that goes with us. */
const keepFilesTogether = (): void => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-conformance-'))
  process.env['TMPDIR'] = folder
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
}

type Stage = {
  readonly network: Network
  readonly millrace: Millrace
  readonly tap: Tap
  readonly referenceUrl: string
  readonly settle: () => Promise<void>
}

const setUp = async (stack: AsyncDisposableStack): Promise<Stage> => {
  say('starting PostgreSQL and the test network')
  const server = await startPostgres()
  stack.defer(() => server.stop())
  keepFilesTogether()
  await createDatabases(server.url, ['reference', 'ours'])
  const referenceUrl = databaseOf(server.url, 'reference')
  const network = await startNetwork(referenceUrl)
  stack.defer(() => network.close())
  const hosts = hostsOf(network)
  const stop = new AbortController()
  const tap = listen(hosts, stop.signal)
  stack.defer(() => stop.abort())
  const databaseUrl = databaseOf(server.url, 'ours')
  const millrace = await startMillrace({ hosts, databaseUrl, verbose: options.verbose, stack })
  const settle = async () => {
    await indexed(network)
    const last = await network.pds.ctx.sequencer.curr()
    await until(async () => tap.seq() >= (last ?? 0), 'the firehose')
    await millrace.settled(tap)
  }
  return { network, millrace, tap, referenceUrl, settle }
}

/** A run that could not fail would prove nothing: one like of ours goes, and one post has other words. */
const spoil = async ({ pool }: Millrace): Promise<void> => {
  const { schema } = pool
  say('spoiling two rows of ours: this run must end with 3')
  await pool.query({ text: `delete from ${schema}.like where uri = (select min(uri) from ${schema}.like)` })
  await pool.query({
    text: `update ${schema}.record set json = replace(json, 'a plain post', 'a spoiled post')`,
  })
}

/** Both sides hold the same history now; what do they make of it? */
const compare = async (stage: Stage, stack: AsyncDisposableStack): Promise<Report> => {
  const { network, millrace, tap, referenceUrl } = stage
  const reference = await openPool({
    url: referenceUrl,
    schema: REFERENCE_SCHEMA,
    max: 4,
    logger: silentLogger,
  })
  stack.defer(() => reference.close())
  await writeLabels(reference, tap.labels)
  if (options.spoil) await spoil(millrace)
  say('comparing the tables')
  const required = [...REFERENCE_RULES, ...LIVING_RULES]
  const history = readHistory(tap.messages)
  const rules = [...required, silentMessages]
  const comparison = await compareTables({ ours: millrace.pool, reference, history, rules })
  say('starting the AppView on the database of Millrace')
  const ours = await startAppViewOn(network, { url: millrace.databaseUrl, schema: 'bsky' }, stack)
  const answers = await interview({ network, ours, comparison, say })
  say('taking the database of the reference over')
  const takeover = await takeOver(reference)
  const found = {
    collections: operationsOf(history),
    tables: comparison.tables,
    rules: Object.fromEntries(comparison.counts),
    ...answers,
  }
  return {
    reference: '@atproto/bsky 0.0.280 in @atproto/dev-env 0.6.7',
    messages: tap.messages.length,
    labels: tap.labels.length,
    ...found,
    miscounted: comparison.miscounted,
    unexplainedRows: comparison.unexplained,
    takeover,
    hollow: hollow({ ...found, required }),
    seconds: seconds(),
  }
}

/** Stops nothing on a failure: what is half started cannot be stopped, and what we started ends with this process. */
const run = async (): Promise<Report> => {
  const stack = new AsyncDisposableStack()
  const stage = await setUp(stack)
  await stage.settle()
  await seed(stage.network, stage.settle, say)
  await stage.network.processAll()
  await until(async () => stage.tap.labels.length > 0, 'labels')
  await stage.settle()
  const report = await compare(stage, stack)
  await stack.disposeAsync()
  return report
}

const main = async (): Promise<number> => {
  try {
    install(say)
    const report = await run()
    process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : drawReport(report)}\n`)
    return differs(report) ? EXIT.different : EXIT.equal
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    say(`!!! NOT RUN: ${error.message}`)
    return EXIT.cannotRun
  }
}

process.exit(await main())
