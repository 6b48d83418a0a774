/** What makes the figures of flow and database move: by their real causes, on a real PostgreSQL. */
import { FIREHOSE_LIVE } from '../event/streams.ts'
import { EntryAccount } from './entry-account.ts'
import { foundByColumn, recount } from './recount.ts'
import { keepResult } from './recount-result.ts'
import { account, at, backfilled, create, identity, ref, remove } from './testing.ts'
import {
  cut,
  dated,
  deadlock,
  FRIEND,
  label,
  locked,
  made,
  refused,
  send,
  then,
  type Cause,
  type CauseRow,
} from './testing-causes.ts'

const idle: Cause = () => {}

const inTheFuture = send((did) =>
  create(
    1,
    [did, 'like', 'k'],
    { ...dated, subject: ref(at(FRIEND, 'post', 'p')) },
    {
      time: new Date(Date.now() + 60_000).toISOString(),
    },
  ),
)

/** The loop forgets what became of its entries. */
const forgotten: Cause = async (world) => {
  world.context.mock.method(EntryAccount.prototype, 'settle', () => {})
  await made('like')(world)
}

const quoting = send((did) =>
  create(1, [did, 'post', 'k'], {
    text: 'x',
    ...dated,
    embed: { $type: 'app.bsky.embed.record', record: ref(at(FRIEND, 'post', 'p')) },
  }),
)

const twice = then(made('like', 'first'), made('like', 'second'))
const overtaken = then(
  send((did) => remove(2, [did, 'like', 'self'])),
  made('like'),
)
const refetched = then(
  made('like'),
  send((did) =>
    backfilled(create(1, [did, 'like', 'self'], { subject: ref(at(FRIEND, 'post', 'p')), ...dated }), 9),
  ),
)

const FLOW: readonly CauseRow[] = [
  ['indexer_freshness_seconds_count{stream="firehose_live"}', made('like')],
  ['indexer_freshness_seconds_count{stream="label_live"}', label({ val: 'fresh' })],
  ['indexer_append_to_commit_seconds_count{stream="firehose_live"}', made('like')],
  ['indexer_clock_skew_events_total', inTheFuture],
  ['indexer_last_commit_time_seconds{stream="firehose_live"}', made('like')],
  ['indexer_event_results_total{type="create",result="applied"}', made('like')],
  ['indexer_event_results_total{type="create",result="stale"}', overtaken],
  ['indexer_event_results_total{type="create",result="repeated"}', then(made('like'), made('like'))],
  ['indexer_event_results_total{type="create",result="unchanged"}', refetched],
  [
    'indexer_event_results_total{type="create",result="dropped"}',
    send((did) => create(1, [did, 'post', 'k'], {})),
  ],
  [
    'indexer_event_results_total{type="account",result="applied"}',
    send((did) => account(1, did, true, null)),
  ],
  ['indexer_event_results_total{type="identity",result="applied"}', send((did) => identity(1, did))],
  ['indexer_event_results_total{type="label",result="applied"}', label({ val: 'counted' })],
  ['indexer_rows_total{table="like",outcome="written"}', made('like')],
  ['indexer_rows_total{table="record",outcome="written"}', made('like')],
  ['indexer_rows_total{table="like",outcome="stale"}', overtaken],
  ['indexer_rows_total{table="like",outcome="unchanged"}', refetched],
  ['indexer_rows_total{table="post_agg",outcome="written"}', made('like')],
  ['indexer_rows_total{table="label",outcome="written"}', label({ val: 'written' })],
  [`indexer_conservation_residual{stream="${FIREHOSE_LIVE}"}`, forgotten],
  ['stream_deliveries_total{stream="firehose_live",kind="first"}', made('like')],
  ['stream_acknowledged_total{stream="firehose_live"}', made('like')],
  ['stream_pending_entries{stream="firehose_live"}', locked(made('like'))],
  ['store_up', idle],
]

const STATEMENTS: readonly CauseRow[] = [
  ['indexer_statement_seconds_count{kind="guard"}', made('like')],
  ['indexer_statement_seconds_count{kind="records"}', made('like')],
  ['indexer_statement_seconds_count{kind="typed"}', made('like')],
  ['indexer_statement_seconds_count{kind="satellites"}', quoting],
  ['indexer_statement_seconds_count{kind="duplicates"}', twice],
  ['indexer_statement_seconds_count{kind="aggregates"}', made('like')],
  ['indexer_statement_seconds_count{kind="settle"}', made('post')],
  ['indexer_statement_seconds_count{kind="notifications"}', made('follow')],
  ['indexer_statement_seconds_count{kind="accounts"}', send((did) => account(1, did, true, null))],
  ['indexer_statement_seconds_count{kind="labels"}', label({})],
  ['indexer_statement_seconds_count{kind="identity"}', send((did) => identity(1, did))],
  ['indexer_statement_seconds_count{kind="commit"}', made('like')],
  ['db_pool_wait_seconds_count', made('like')],
  ['indexer_db_errors_total{class="connection"}', cut],
  ['indexer_db_errors_total{class="deadlock"}', deadlock],
  ['indexer_db_errors_total{class="data"}', refused],
]

/** The network answers neither of them, and one at a time is asked. */
const unanswered = send(
  (did) => identity(1, `${did.slice(0, -2)}bh`),
  (did) => identity(1, `${did.slice(0, -2)}ch`),
)

const surprised: Cause = async ({ admin, later }) => {
  await admin.query({ text: "alter table bsky.labeler add column surprise text not null default ''" })
  await admin.query({ text: 'alter table bsky.labeler alter column surprise drop default' })
  later.push(() => admin.query({ text: 'alter table bsky.labeler drop column surprise' }))
}

/** A like that nobody gave, and a recount that finds it. */
const drifted: Cause = async ({ admin, did }) => {
  const uri = at(did, 'post', 'drifted')
  await admin.query({ text: 'insert into bsky.post_agg (uri, "likeCount") values ($1, 1)', values: [uri] })
  const found = foundByColumn(await recount(admin, { repair: true, rangeRows: 1_000 }))
  await keepResult(admin, { timeSeconds: Date.now() / 1_000, found })
}

const SERVER: readonly CauseRow[] = [
  ['indexer_identity_queue_entries', unanswered],
  ['indexer_identity_oldest_seconds', unanswered],
  ['database_up', idle],
  ['database_connections', idle],
  ['database_connections_limit', idle],
  ['database_longest_transaction_seconds', locked(made('like'))],
  ['database_sequence_used_ratio', made('follow')],
  ['database_size_bytes', idle],
  ['database_deadlocks', deadlock],
  ['database_schema_differences', surprised],
  ['indexer_aggregate_drift{column="likeCount"}', drifted],
  ['indexer_aggregate_recount_time_seconds', drifted],
]

export const FLOW_CAUSES: readonly CauseRow[] = [...FLOW, ...STATEMENTS, ...SERVER]
