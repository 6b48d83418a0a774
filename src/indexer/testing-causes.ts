/** What makes each metric of the indexer move: by its real cause, on a real PostgreSQL. */
import type { TestContext } from 'node:test'
import type { Pool } from '../db/pool.ts'
import type { Label, StreamEvent } from '../event/event.ts'
import { FIREHOSE_LIVE } from '../event/streams.ts'
import { LANES } from './lanes.ts'
import { purgeAccount } from './purge.ts'
import {
  account,
  apply,
  at,
  backfilled,
  create,
  didOf,
  identity,
  ref,
  remove,
  timeOf,
  TOO_LONG,
  until,
  update,
} from './testing.ts'
import { append, appendLabels, type Running, type TestLog } from './testing-loop.ts'

export type World = TestLog & {
  /** An account that no other test knows. */
  readonly did: string
  /** Connections beside those of the indexer. */
  readonly admin: Pool
  readonly indexer: Running
  readonly context: TestContext
  /** Ends what the cause began; called when the metric has moved. */
  readonly later: (() => unknown)[]
}
export type Cause = (world: World) => unknown
export type CauseRow = readonly [series: string, cause: Cause]

export const dated = { createdAt: timeOf(1) }
export const FRIEND = didOf('friend')
const LABEL: Label = {
  src: 'did:plc:l',
  uri: 'at://x',
  cid: null,
  val: 'v',
  neg: false,
  cts: timeOf(1),
  exp: null,
}
const CREATES = {
  post: { text: 'x', ...dated },
  like: { subject: ref(at(FRIEND, 'post', 'p')), ...dated },
  repost: { subject: ref(at(FRIEND, 'post', 'p')), ...dated },
  follow: { subject: FRIEND, ...dated },
  block: { subject: FRIEND, ...dated },
  profile: { displayName: 'x' },
}

export const send =
  (...make: ((did: string) => StreamEvent)[]): Cause =>
  ({ log, did }) =>
    append(log, ...make.map((one) => one(did)))
export const made = (collection: keyof typeof CREATES, rkey = 'self') =>
  send((did) => create(1, [did, collection, rkey], CREATES[collection]))
const bad = (collection: string, record: object, more: object = {}) =>
  send((did) => create(1, [did, collection, 'k'], record, more))
const raw =
  (fields: Record<string, string>): Cause =>
  ({ log }) =>
    log.append(FIREHOSE_LIVE, [fields])
export const label =
  (more: Partial<Label>): Cause =>
  ({ log }) =>
    appendLabels(log, { ...LABEL, ...more })
export const then =
  (...causes: Cause[]): Cause =>
  async (world) => {
    for (const cause of causes) {
      const before = await world.indexer.metric('indexer_events_processed_total')
      await cause(world)
      await until(
        'it is dealt with',
        async () => (await world.indexer.metric('indexer_events_processed_total')) > before,
      )
    }
  }

export const refused = send((did) => create(1, [did, 'like', 'k'], { ...dated, subject: ref(TOO_LONG) }))

/** A lock on `record` that lasts until the metric has moved: what is written waits. */
export const locked =
  (cause: Cause): Cause =>
  async (world) => {
    const { admin } = world
    const held = Promise.withResolvers<void>()
    const free = Promise.withResolvers<void>()
    const holder = admin.transaction(async (tx) => {
      await tx.query({ text: 'lock table bsky.record in exclusive mode' })
      held.resolve()
      await free.promise
    })
    await held.promise
    world.later.push(() => (free.resolve(), holder))
    await cause(world)
  }

/** Every lane of the one stream has a connection, and the other stream wants one. */
const crowded: Cause = async (world) => {
  const likes = [...'abcdef'].map(
    (end) => (did: string) => create(1, [`${did.slice(0, -1)}${end}`, 'like', 'k'], CREATES.like),
  )
  await locked(send(...likes))(world)
  await until('all lanes are busy', async () => (await world.indexer.metric('indexer_active_tasks')) >= LANES)
  await label({})(world)
}

export const cut: Cause = async (world) => {
  const { admin } = world
  await locked(made('like'))(world)
  await until('a batch is under way', async () => (await world.indexer.metric('indexer_active_tasks')) > 0)
  const text = `select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  await until('its connection is cut', async () => (await admin.query({ text })).count > 0)
}

export const deadlock: Cause = async ({ log, did, later, admin }) => {
  const count = (who: string) => ({
    text: `insert into bsky.profile_agg (did) values ($1) on conflict (did) do update set "postsCount" = 0`,
    values: [who],
  })
  const waiters = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  const subject = `${did.slice(0, -1)}z`
  const other = admin.transaction(async (tx) => {
    await tx.query({ text: `set local deadlock_timeout = '20s'` })
    await tx.query(count(subject))
    await append(log, create(1, [did, 'follow', 'f'], { subject, ...dated }))
    await until('the indexer waits', async () => (await admin.query({ text: waiters })).count > 0)
    await tx.query(count(did))
  })
  later.push(() => other)
}

/** Once an acknowledgement has failed, the clock jumps beyond all patience. */
const unacknowledged: Cause = async (world) => {
  world.away.add('ack')
  const now = performance.now.bind(performance)
  world.context.mock.method(performance, 'now', () => now() + (world.refusals.count > 0 ? 60_000 : 0))
  await made('like')(world)
}

/** Every series beside what makes it move. */
export const CAUSES: readonly CauseRow[] = [
  ['indexer_events_processed_total', made('like')],
  ['indexer_create_events_total', made('like')],
  ['indexer_update_events_total', send((did) => update(1, [did, 'like', 'k'], CREATES.like))],
  ['indexer_delete_events_total', send((did) => remove(1, [did, 'like', 'k']))],
  [
    'indexer_repo_events_total',
    send((did) => ({ ...remove(1, [did, 'like', 'k']), type: 'repo' }) as StreamEvent),
  ],
  ['indexer_account_events_total', send((did) => account(1, did, true, null))],
  ['indexer_identity_events_total', send((did) => identity(1, did))],
  ['indexer_db_writes_total', made('block')],
  ['indexer_errors_total', bad('post', {})],
  ['indexer_expected_errors_total', raw({ event: '' })],
  ['indexer_unexpected_errors_total', cut],
  ['indexer_ack_failures_total', unacknowledged],
  ['indexer_post_events_total', made('post')],
  ['indexer_like_events_total', made('like')],
  ['indexer_repost_events_total', made('repost')],
  ['indexer_follow_events_total', made('follow')],
  ['indexer_block_events_total', made('block')],
  ['indexer_profile_events_total', made('profile')],
  ['indexer_labels_processed_total', label({})],
  ['indexer_labels_added_total', label({})],
  ['indexer_labels_removed_total', label({ neg: true })],
  ['indexer_records_processed_total', made('like')],
  ['indexer_records_failed_total', refused],
  [
    'indexer_stale_writes_skipped_total',
    then(
      send((did) => remove(2, [did, 'like', 'self'])),
      made('like'),
    ),
  ],
  ['indexer_records_filtered_total', bad('com.example.thing', {})],
  [
    'indexer_unchanged_writes_skipped_total',
    then(
      made('like'),
      send((did) => backfilled(create(1, [did, 'like', 'self'], CREATES.like), 9)),
    ),
  ],
  ['indexer_repeated_events_total', then(made('like'), made('like'))],
  ['indexer_dropped_total{reason="unknown_collection"}', bad('com.example.thing', {})],
  ['indexer_dropped_total{reason="invalid_record"}', bad('post', {})],
  ['indexer_dropped_total{reason="invalid_rev"}', bad('post', CREATES.post, { rev: 'x' })],
  ['indexer_dropped_total{reason="invalid_time"}', bad('post', CREATES.post, { time: 'x' })],
  ['indexer_dropped_total{reason="unstorable_text"}', bad('post', { ...CREATES.post, text: '\u0000' })],
  [
    'indexer_dropped_total{reason="too_deep"}',
    ({ log, did }) => log.append(FIREHOSE_LIVE, [{ event: tooDeep(did) }]),
  ],
  [
    'indexer_dropped_total{reason="foreign_list"}',
    bad('listitem', { list: at(FRIEND, 'list', 'l'), subject: FRIEND, ...dated }),
  ],
  [
    'indexer_dropped_total{reason="foreign_gate"}',
    bad('threadgate', { post: at(FRIEND, 'post', 'k'), ...dated }),
  ],
  ['indexer_dropped_total{reason="too_long"}', label({ val: 'x'.repeat(9_999) })],
  [
    'indexer_dropped_total{reason="account_deleted"}',
    async (world) => {
      const { admin } = world
      await apply(admin, [account(5, world.did, false, 'deleted')])
      await purgeAccount(admin, world.did, timeOf(5))
      await made('like')(world)
    },
  ],
  ['indexer_poison_entries_total{reason="missing_field"}', raw({ other: '' })],
  ['indexer_poison_entries_total{reason="bad_json"}', raw({ event: '' })],
  [
    'indexer_poison_entries_total{reason="unknown_type"}',
    raw({ event: '{"did":"d","time":"t","type":"new"}' }),
  ],
  ['indexer_poison_entries_total{reason="invalid_event"}', raw({ event: '[]' })],
  ['indexer_poison_entries_total{reason="refused"}', refused],
  ['indexer_notifications_written_total', made('follow')],
  ['indexer_db_conflicts_total', deadlock],
  ['indexer_batch_seconds_count', made('like')],
  ['indexer_batch_entries_count', made('like')],
  ['indexer_identity_lookups_total{outcome="resolved"}', send((did) => identity(1, did))],
  ['indexer_identity_lookups_total{outcome="no_handle"}', send((did) => identity(1, `${did.slice(0, -1)}n`))],
  ['indexer_identity_lookups_total{outcome="gone"}', send((did) => identity(1, `${did.slice(0, -1)}g`))],
  ['indexer_identity_lookups_total{outcome="failed"}', send((did) => identity(1, `${did.slice(0, -1)}f`))],
  ['indexer_pending_messages', locked(made('like'))],
  ['indexer_queue_length', locked(made('like'))],
  ['indexer_active_tasks', locked(made('like'))],
  ['db_pool_max_size', () => {}],
  ['db_pool_size', made('like')],
  ['db_pool_available', made('like')],
  ['db_pool_waiting', crowded],
]

const tooDeep = (did: string): string => {
  const event = create(1, [did, 'chat.bsky.actor.declaration', 'self'], {})
  return JSON.stringify(event).replace(
    '"record":{',
    `"record":{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)},`,
  )
}
