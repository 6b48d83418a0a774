import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fixturesDir, needs } from '../harness/needs.ts'
import { readCar } from '../../src/atproto/car.ts'
import { decodeCommit } from '../../src/atproto/commit.ts'
import type { StreamEvent } from '../../src/event/event.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import { entriesOf, eventsOf, openTestLog, queue, startBackfiller, untilDrained } from './testing.ts'

const perCollection = (events: readonly StreamEvent[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const event of events) {
    if (event.type === 'create') counts[event.collection] = (counts[event.collection] ?? 0) + 1
  }
  return counts
}

const didOf = (name: string): string => {
  const { roots, blocks } = readCar(readFileSync(join(fixturesDir(), 'repos', `${name}.car`)))
  const block = blocks.get(roots[0] ?? '')
  assert.ok(block)
  return decodeCommit(block).did
}

/** Counted from the files by a reader of its own, not by ours. */
const CAPTURED: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
  ['empty', {}],
  [
    'tiny',
    {
      'app.bsky.actor.profile': 1,
      'app.bsky.feed.like': 2,
      'app.bsky.feed.post': 3,
      'app.bsky.graph.block': 1,
      'app.bsky.graph.follow': 1,
    },
  ],
  [
    'little',
    {
      'app.bsky.actor.profile': 1,
      'app.bsky.feed.like': 70,
      'app.bsky.feed.post': 85,
      'app.bsky.feed.repost': 51,
      'app.bsky.graph.block': 2,
      'app.bsky.graph.follow': 2,
      'network.slices.waitlist.request': 1,
      'pub.leaflet.comment': 1,
      'pub.leaflet.document': 7,
      'pub.leaflet.graph.subscription': 1,
      'pub.leaflet.publication': 1,
      'sh.tangled.actor.profile': 1,
      'sh.tangled.feed.reaction': 1,
      'sh.tangled.feed.star': 10,
      'sh.tangled.graph.follow': 11,
      'sh.tangled.label.definition': 6,
      'sh.tangled.label.op': 8,
      'sh.tangled.repo': 3,
      'sh.tangled.repo.collaborator': 2,
      'sh.tangled.repo.issue': 7,
      'sh.tangled.repo.issue.comment': 4,
      'sh.tangled.repo.pull': 1,
      'sh.tangled.repo.pull.comment': 1,
      'sh.tangled.string': 1,
    },
  ],
]

const NETWORK = {
  'app.bsky.actor.profile': 10,
  'app.bsky.actor.status': 1,
  'app.bsky.feed.generator': 1,
  'app.bsky.feed.like': 24,
  'app.bsky.feed.post': 122,
  'app.bsky.feed.postgate': 1,
  'app.bsky.feed.repost': 11,
  'app.bsky.feed.threadgate': 9,
  'app.bsky.graph.block': 3,
  'app.bsky.graph.follow': 27,
  'app.bsky.graph.list': 3,
  'app.bsky.graph.listblock': 1,
  'app.bsky.graph.listitem': 7,
  'app.bsky.graph.starterpack': 1,
  'app.bsky.graph.verification': 2,
  'app.bsky.labeler.service': 3,
  'app.bsky.notification.declaration': 1,
  'chat.bsky.actor.declaration': 2,
}
/** com.atproto.lexicon.schema 2, com.example.thing 1, com.germnetwork.declaration 1. */
const NETWORK_FILTERED = 4

test(
  'the three captured repositories arrive whole, 0, 8 and 278 records; no identity came with them, so signatures are skipped',
  needs('fixtures'),
  async (t) => {
    const log = await openTestLog(t)
    const network = await startSandbox({ accounts: 0, records: 0, ratePerSecond: 0, serveDir: fixturesDir() })
    t.after(() => network.close())
    const dids = CAPTURED.map(([name]) => didOf(name))
    const running = startBackfiller(t, {
      log,
      plcUrl: network.plcUrl,
      skipSignatureVerification: true,
      collections: ['*'],
    })
    await queue(log, dids)
    await untilDrained(log)
    assert.deepEqual(await entriesOf(log, 'repo_backfill_dlq'), [])
    const events = await eventsOf(log)
    for (const [i, [name, expected]] of CAPTURED.entries()) {
      const own = events.filter(({ did }) => did === dids[i])
      assert.deepEqual(perCollection(own), expected, name)
      assert.equal(own.at(-1)?.type, 'repo')
    }
    assert.equal(await running.metric('backfiller_repos_processed_total'), 3)
  },
)

test(
  'the captured network: 229 records of 16 repos, each verified by its own key; inactive accounts are told and skipped',
  needs('fixtures'),
  async (t) => {
    const log = await openTestLog(t)
    const serveDir = join(fixturesDir(), 'network')
    const network = await startSandbox({ accounts: 0, records: 0, ratePerSecond: 0, serveDir })
    t.after(() => network.close())
    const status = JSON.parse(readFileSync(join(serveDir, 'status.json'), 'utf8')) as Record<
      string,
      { getRepo: number; error?: string }
    >
    const running = startBackfiller(t, { log, plcUrl: network.plcUrl })
    await queue(log, Object.keys(status))
    await untilDrained(log)
    assert.deepEqual(await entriesOf(log, 'repo_backfill_dlq'), [])
    const events = await eventsOf(log)
    const whole = Object.keys(status).filter((did) => status[did]?.getRepo === 200)
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'repo' ? [event.did] : [])).toSorted(),
      whole.toSorted(),
    )
    assert.deepEqual(perCollection(events), NETWORK)
    const told = events.flatMap((event) => (event.type === 'account' ? [`${event.did} ${event.status}`] : []))
    const inactive = Object.entries(status).flatMap(([did, { error }]) => {
      if (error === 'RepoDeactivated') return [`${did} deactivated`]
      return error === 'RepoTakendown' ? [`${did} takendown`] : []
    })
    assert.deepEqual(told.toSorted(), inactive.toSorted())
    assert.equal(await running.metric('backfiller_records_filtered_total'), NETWORK_FILTERED)
    assert.equal(await running.metric('backfiller_repos_processed_total'), whole.length)
    assert.equal(await running.metric('backfiller_repos_skipped_total{reason="repo_not_found"}'), 1)
    assert.equal(await running.metric('backfiller_repos_skipped_total{reason="repo_deactivated"}'), 1)
    assert.equal(await running.metric('backfiller_repos_skipped_total{reason="repo_takendown"}'), 1)
  },
)
