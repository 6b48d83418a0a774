/** Declarations of what the ingester counts of its content: operations, labels, listed repos. */
import { OPERATION_DROPS, RESYNC_CAUSES } from './convert.ts'
import { counter, counterBy, histogram, reading, type Readings } from './metric-words.ts'
import { NAMESPACES, OPERATION_OUTCOMES } from './namespace.ts'

export const firehose = ({ lastEventTimeSeconds }: Readings) => ({
  firehoseEvents: counter(
    'ingester_firehose_events_total',
    'Events received from all relays, before filtering and de-duplication: each operation of a commit, and each identity, account, sync and operation-less commit message.',
    'a decoded message of a relay',
  ),
  firehoseCreates: counter(
    'ingester_firehose_create_events_total',
    'Create events kept, after filtering.',
    'a complete create operation that passes the collection filter',
  ),
  firehoseUpdates: counter(
    'ingester_firehose_update_events_total',
    'Update events kept, after filtering.',
    'a complete update operation that passes the collection filter',
  ),
  firehoseDeletes: counter(
    'ingester_firehose_delete_events_total',
    'Delete events kept, after filtering.',
    'a delete operation that passes the collection filter',
  ),
  resyncsRequested: counterBy(
    'ingester_resyncs_requested_total',
    { cause: RESYNC_CAUSES },
    'Repos queued in repo_backfill because the firehose alone does not give all of them.',
    'a sync message, a commit that was too big, or one with unreadable records',
  ),
  eventTimesReplaced: counter(
    'ingester_event_times_replaced_total',
    'Messages whose own time was unreadable or more than 5 minutes ahead of our clock; the time of receipt stands in.',
    'a message with such a time',
  ),
  eventAge: histogram(
    'ingester_event_age_seconds',
    [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400],
    'Time from the declared time of a firehose message to its receipt, 0 when it lies ahead of our clock; messages whose time was replaced are left out.',
    'a message of a relay',
  ),
  lastEventTime: reading('ingester_last_event_time_seconds', lastEventTimeSeconds)(
    'Declared time of the last firehose event as Unix time, of the relay furthest behind; 0 before the first.',
    'a message of a relay',
  ),
})

export const operations = () => ({
  filteredOperations: counter(
    'ingester_firehose_filtered_operations_total',
    'Operations dropped by the collection filter.',
    'an operation on a collection that no filter selects',
  ),
  opsFiltered: counter(
    'ingester_ops_filtered_total',
    "Operations dropped by the collection filter, under wintermute's name.",
    'an operation on a collection that no filter selects',
  ),
  operationsDropped: counterBy(
    'ingester_operations_dropped_total',
    { reason: OPERATION_DROPS },
    'Operations of commits that gave no event, by reason; none takes its neighbours with it.',
    'a filtered, malformed or incomplete operation',
  ),
  operations: counterBy(
    'ingester_operations_total',
    { namespace: NAMESPACES, outcome: OPERATION_OUTCOMES },
    'Operations of commits by the namespace of their collection and what became of them; copies known from another relay are not looked into.',
    'a commit with operations',
  ),
})

export const labels = () => ({
  labelerEvents: counter(
    'ingester_labeler_events_total',
    'Labels received from all labelers, valid or not.',
    'a #labels frame',
  ),
  labelsWritten: counter(
    'ingester_labels_written_total',
    'Labels made durable in label_live; one entry holds all labels of a frame.',
    'a batch of label entries saved',
  ),
  labelsDropped: counterBy(
    'ingester_labels_dropped_total',
    { reason: ['invalid'] },
    'Labels that were not passed on, by reason.',
    'a label that lacks a required field',
  ),
})

export const repos = ({ backfillComplete }: Readings) => ({
  reposFetched: counter(
    'ingester_backfill_repos_fetched_total',
    'Repos listed by listRepos answers.',
    'a page of listRepos',
  ),
  reposWritten: counter(
    'ingester_backfill_repos_written_total',
    'Listed repos made durable in repo_backfill.',
    'a page saved together with its cursor',
  ),
  reposDropped: counter(
    'ingester_backfill_repos_dropped_total',
    'Items of listRepos pages that name no repo.',
    'an item without a valid DID',
  ),
  fetchErrors: counter(
    'ingester_backfill_fetch_errors_total',
    'listRepos requests that failed, each attempt.',
    'a refused, failed or unreadable listRepos answer',
  ),
  cursorSkips: counter(
    'ingester_backfill_cursor_skips_total',
    "Ranges of a relay's list that were stepped over because it fails there; each is kept in checkpoint repo_backfill:skipped:<host>.",
    'a listRepos position that fails at every page size while a later one answers',
  ),
  cursorResets: counter(
    'ingester_backfill_cursor_reset_total',
    'Enumerations started from the beginning because the relay refused the saved cursor.',
    'status 400 for a listRepos cursor',
  ),
  backfillComplete: reading('ingester_backfill_complete', backfillComplete)(
    '1 when the repos of every configured relay have been listed to the end; 0 otherwise, also when backfill is off.',
    'the last page of the last relay saved',
  ),
})
