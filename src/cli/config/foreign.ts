/**
 * Variables of rsky's services that we know and that change nothing here. They are accepted, because a deployment moves
 * service by service with its environment as it is, and each is named once in the log with the reason.
 */
export const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  DB_POOL_MIN_IDLE: 'idle connections are closed and opened as needed',
  DB_CREATE_TIMEOUT_SECS: 'DB_WAIT_TIMEOUT_SECS bounds opening a connection too',
  DB_RECYCLE_TIMEOUT_SECS: 'a connection is not tested before it is used again',
  CURSOR_SAVE_INTERVAL_SECS: 'a cursor is saved together with every batch it covers',
  FIREHOSE_LIVE_DRAIN_BATCH: 'INDEXER_BATCH_SIZE bounds batches of every stream',
  FIREHOSE_LIVE_SHARDS: 'batches commute, so accounts need no shards',
  FJALL_CACHE_SIZE_GB: 'there is no Fjall store',
  FJALL_WRITE_BUFFER_SIZE_GB: 'there is no Fjall store',
  HANDLE_RESOLUTION_BATCH_SIZE: 'handles are resolved one by one as they are needed',
  INDEXER_BATCH_WORKERS: 'one writer per stream keeps the database busy',
  INLINE_CONCURRENCY: 'records are written in sets',
  LIVE_AGGREGATES: 'counts are always kept, in the transaction of their rows',
  LIVE_LIKE_SERIALIZE: 'writes are sorted, so likes of one post do not deadlock',
  RECORD_SKIP_BOILERPLATE: 'every record is kept as it is',
}

/** `MILLRACE_*` names that are no settings of the program: the tests read them. */
export const OUTSIDE: ReadonlySet<string> = new Set(['MILLRACE_FIXTURES'])
