/**
 * Every command of every runbook, as an operator types it, on a whole fleet with several real faults at once. What only looks has to
 * succeed and to say something; what changes data is run last.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { DEFAULT_BACKFILLER_GROUP, FIREHOSE_LIVE, REPO_BACKFILL } from '../../src/event/streams.ts'
import { until } from '../e2e/until.ts'
import type { PrometheusConfig } from '../drill/configs.ts'
import { configured, locked, network, takenByGhost } from '../drill/faults.ts'
import { openService } from '../drill/fleet.ts'
import { runBlock } from '../drill/runbook.ts'
import { openStack, type Stack } from '../drill/stack.ts'
import { PAGES, README, type Block, type Page } from './pages.ts'

/** A second indexer that Prometheus knows, and that then ends. */
const loseAnIndexer = async (stack: Stack): Promise<void> => {
  const { indexer, prometheus, redis, database, folder } = stack
  const stores = { redisUrl: redis.url, databaseUrl: database.url }
  const lost = await openService('indexer', stack, stores, { folder, main: undefined })
  await lost.program.start([...lost.args, '--indexer-consumer', 'indexer_lost'])
  const targets = [indexer.address, lost.address]
  await prometheus.reload((config: PrometheusConfig) => {
    for (const job of config.scrape_configs.filter(({ job_name }) => job_name === 'rust-indexer'))
      for (const some of job.static_configs) some.targets = targets
    return config
  })
  await lost.program.kill()
}

/** Who mends would look for whoever holds the lock first: what changes tables waits for it. */
let unlock: () => unknown = () => undefined

/** As many faults as live together on one fleet. */
const breakIt = async (stack: Stack): Promise<void> => {
  const { redis } = stack
  // First: it would not start on what comes next.
  await loseAnIndexer(stack)
  network(stack, 'bad_signature', { target: 'repo', probability: 0.5 })
  network(stack, 'sequence_gap', { times: 3 })
  await configured(stack, 'maxmemory-policy', 'allkeys-lru')
  await redis.sendAll(Array.from({ length: 5 }, () => ['XADD', REPO_BACKFILL, '*', 'repo', 'no JSON']))
  await redis.send('XADD', FIREHOSE_LIVE, '*', 'event', 'no JSON')
  await redis.send('SET', `repo_backfill:skipped:${stack.relay.url}`, SKIPPED)
  await takenByGhost(stack, REPO_BACKFILL, DEFAULT_BACKFILLER_GROUP, 5)
  unlock = await locked(stack, 'bsky.record')
}

const SKIPPED = JSON.stringify([{ from: '7', to: '9', at: '2026-01-01T00:00:00.000Z' }])

/** What Prometheus has to have seen before anybody looks. */
const SEEN = [
  'sum(stream:dead_letters:max) > 0',
  'up{job="rust-indexer"} == 0',
  'stream:pending_entries:max{stream="repo_backfill"} > 0',
  'min(store_safe{check="eviction"}) == 0',
  'sum(ingester_sequence_numbers_missed_total) > 0',
  'stream:undelivered_entries:max{stream="firehose_live"} > 0',
]

const untilSeen = async ({ prometheus }: Stack): Promise<void> => {
  for (const query of SEEN) {
    const isSeen = async () => ((await prometheus.query(query)).length > 0 ? true : null)
    await until(`Prometheus sees ${query}`, isSeen, { everyMs: 500 })
  }
}

let opened: Stack | null = null
const stack = (): Stack => {
  if (opened === null) throw new Error('there is no stack')
  return opened
}

before(async () => {
  opened = await openStack()
  await breakIt(opened)
  await untilSeen(opened)
})

after(async () => opened?.[Symbol.asyncDispose]())

/** Many pages take the same step; once it has answered, it answers them all. */
const answers = new Map<string, Promise<string>>()
const answerOf = (commands: string): Promise<string> => {
  const answer = answers.get(commands) ?? runBlock(commands, stack())
  answers.set(commands, answer)
  return answer
}

/** A check of the doctor takes seconds, stands on a line of its own and is asked for by many. */
const CHECK = /^millrace .+\n/gm

const stepsOf = ({ text }: Block): readonly string[] =>
  [text.replaceAll(CHECK, ''), ...(text.match(CHECK) ?? [])].filter((step) => step.trim() !== '')

const look = async (block: Block): Promise<void> => {
  const said = await Promise.all(stepsOf(block).map(answerOf))
  assert.notEqual(said.join('').trim(), '', `nothing is said under ${block.section} by\n${block.text}`)
}

const blocksOf = ({ blocks }: Page, language: string): readonly Block[] =>
  blocks.filter((block) => block.language === language)

describe('what looks', { concurrency: 3 }, () => {
  for (const page of [README, ...PAGES]) {
    test(`every command of ${page.name} that only looks works and says something`, async () => {
      for (const block of blocksOf(page, 'bash')) await look(block)
    })
  }

  test('every query for the page of Prometheus is answered', async () => {
    const queries = PAGES.flatMap((page) => blocksOf(page, 'promql').map(({ text }) => text))
    assert.ok(queries.length > 0)
    for (const query of queries) await stack().prometheus.query(query)
  })
})

const changing = PAGES.flatMap((page) => blocksOf(page, 'sh').map(({ text }) => [page.name, text] as const))

describe('what changes data', () => {
  before(async () => {
    await unlock()
  })

  for (const [name, text] of changing) {
    test(`the commands of ${name} that change data work`, async () => {
      await runBlock(text, stack())
    })
  }
})
