/** Settings of the backfiller: what it reads, how much at once, how it retries. */
import { hostname } from 'node:os'
import { bool, bytes, duration, int, name } from '../kinds.ts'
import { inSeconds, setting, type CommandName } from '../setting.ts'

const OWN: readonly CommandName[] = ['backfiller']
const ALL: readonly CommandName[] = ['backfiller', 'up', 'demo']

export const streamName = name(/^[^\s,]{1,200}$/, 'a name without spaces or commas')
/** One per machine: entries left by a process that was killed are its own again when it returns. */
const ownName = (service: string): string => `${service}_${hostname().replace(/[\s,]/g, '_') || 'local'}`

export const backfiller = {
  backfillerConsumer: setting({
    kind: streamName,
    default: ownName('backfiller'),
    perMachine: 'backfiller_<hostname>',
    env: ['BACKFILLER_CONSUMER', 'BACKFILLER_CONSUMER_NAME'],
    commands: OWN,
    text: 'Name of this process in its consumer group; every backfiller of a fleet needs its own.',
  }),
  backfillerGroup: setting({
    kind: streamName,
    default: 'repo_backfill_group',
    env: ['BACKFILLER_GROUP', 'BACKFILLER_CONSUMER_GROUP'],
    commands: OWN,
    text: 'Consumer group that shares the repositories to fetch.',
  }),
  backfillerInputStream: setting({
    kind: streamName,
    default: 'repo_backfill',
    env: ['BACKFILLER_BACKFILL_STREAM', 'BACKFILLER_INPUT_STREAM'],
    commands: OWN,
    text: 'Stream of repositories to fetch.',
  }),
  backfillerOutputStream: setting({
    kind: streamName,
    default: 'firehose_backfill',
    env: ['BACKFILLER_FIREHOSE_STREAM', 'BACKFILLER_OUTPUT_STREAM'],
    commands: OWN,
    text: 'Stream that takes the records.',
  }),
  backfillerDeadLetterStream: setting({
    kind: streamName,
    default: 'repo_backfill_dlq',
    env: ['BACKFILLER_DLQ_STREAM'],
    commands: OWN,
    text: 'Stream that takes the repositories given up on, with the reason.',
  }),
  backfillerConcurrency: setting({
    kind: int({ min: 1, max: 1_000 }),
    default: 50,
    defaultFor: { up: 8, demo: 8 },
    env: ['BACKFILLER_CONCURRENCY', 'BACKFILLER_WORKERS'],
    commands: ALL,
    text: 'Most repositories fetched at the same time.',
  }),
  backfillerHostConcurrency: setting({
    kind: int({ min: 1, max: 1_000 }),
    default: 8,
    commands: ALL,
    text: 'Of these, from one server of accounts.',
  }),
  backfillerBatchSize: setting({
    kind: int({ min: 1, max: 10_000 }),
    default: 500,
    env: ['BACKFILLER_BATCH_SIZE'],
    commands: ALL,
    text: 'Most repositories taken from the stream at once, and most records written in one append.',
  }),
  backfillerHighWaterMark: setting({
    kind: int({ min: 1 }),
    default: 500_000,
    defaultFor: { up: 100_000, demo: 100_000 },
    env: ['BACKFILLER_FIREHOSE_STREAM_HIGH_WATER_MARK', 'BACKFILLER_OUTPUT_HIGH_WATER_MARK'],
    commands: ALL,
    text: 'Length of the output stream at which the backfiller pauses.',
  }),
  backfillerHttpTimeoutMs: setting({
    kind: duration({ minMs: 1_000, maxMs: 3_600_000 }),
    default: 60_000,
    env: [inSeconds('BACKFILLER_HTTP_TIMEOUT_SECS'), inSeconds('BACKFILLER_TIMEOUT_SECS')],
    commands: ALL,
    text: 'Longest wait for an answer to begin, and longest silence within it.',
  }),
  backfillerMaxRetries: setting({
    kind: int({ min: 1, max: 100 }),
    default: 3,
    env: ['BACKFILLER_MAX_RETRIES'],
    commands: ALL,
    text: 'Attempts for one repository before it goes to the dead letters.',
  }),
  backfillerRetryInitialMs: setting({
    kind: duration({ minMs: 1, maxMs: 3_600_000 }),
    default: 1_000,
    env: ['BACKFILLER_RETRY_INITIAL_BACKOFF_MS'],
    commands: ALL,
    text: 'Delay before the first repetition; it doubles with every further one.',
  }),
  backfillerRetryMaxMs: setting({
    kind: duration({ minMs: 1, maxMs: 86_400_000 }),
    default: 30_000,
    env: ['BACKFILLER_RETRY_MAX_BACKOFF_MS'],
    commands: ALL,
    text: 'Longest delay between two attempts.',
  }),
  skipSignatureVerification: setting({
    kind: bool,
    default: false,
    env: ['BACKFILLER_SKIP_SIGNATURE_VERIFICATION'],
    commands: ALL,
    text: 'Accept repositories whose commit signature was not checked.',
  }),
  backfillerMemoryBytes: setting({
    kind: bytes({ min: 1_024 ** 2, max: 64 * 1_024 ** 3 }),
    default: 128 * 1_024 ** 2,
    commands: ALL,
    text: 'Most bytes of repositories in memory, all that are in flight together.',
  }),
  maxRepoBytes: setting({
    kind: bytes({ min: 1_024 ** 2, max: 16 * 1_024 ** 3 }),
    default: 128 * 1_024 ** 2,
    commands: ALL,
    text: 'A larger repository goes to the dead letters; never more than backfiller-memory.',
  }),
}
