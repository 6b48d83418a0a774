/** Settings of the indexer and of identity resolution. */
import { bool, int, list, oneOf, optional, url } from '../kinds.ts'
import { setting, type CommandName } from '../setting.ts'
import { streamName } from './backfiller.ts'

const OWN: readonly CommandName[] = ['indexer']
const ALL: readonly CommandName[] = ['indexer', 'up', 'demo']

export const indexer = {
  indexerMode: setting({
    kind: oneOf(['all', 'stream', 'label']),
    default: 'all',
    env: ['INDEXER_MODE'],
    commands: OWN,
    text: 'What to index: records and accounts (stream), labels (label), or all.',
  }),
  indexerStreams: setting<readonly string[]>({
    kind: list(streamName, 'stream names separated by commas, such as firehose_live,firehose_backfill'),
    default: ['firehose_live', 'firehose_backfill'],
    env: ['INDEXER_STREAMS'],
    commands: OWN,
    text: 'Streams of records and accounts to index.',
  }),
  indexerGroup: setting({
    kind: streamName,
    default: 'firehose_group',
    env: ['INDEXER_GROUP'],
    commands: OWN,
    text: 'Consumer group that shares the streams.',
  }),
  indexerConsumer: setting({
    kind: streamName,
    default: 'indexer_1',
    env: ['INDEXER_CONSUMER'],
    commands: OWN,
    text: 'Name of this process in its consumer group; every indexer of a fleet needs its own.',
  }),
  indexerConcurrency: setting({
    kind: int({ min: 1, max: 10_000 }),
    default: 100,
    defaultFor: { up: 20, demo: 20 },
    env: [
      'INDEXER_CONCURRENCY',
      'HANDLE_RESOLUTION_CONCURRENCY',
      'INDEXER_WORKERS',
      'INDEXER_MAX_CONCURRENT',
    ],
    commands: ALL,
    text: 'Most identities resolved at the same time; records need none, they are written in sets.',
  }),
  indexerBatchSize: setting({
    kind: int({ min: 1, max: 10_000 }),
    default: 2_000,
    env: ['INDEXER_BATCH_SIZE'],
    commands: ALL,
    text: 'Most entries of a stream written in one transaction.',
  }),
  indexUnknown: setting({
    kind: bool,
    default: false,
    commands: ['indexer', 'up'],
    text: 'Keep records of collections without a table, too, unchecked and in `record` only; --collections says which arrive.',
  }),
  enableDidResolution: setting({
    kind: bool,
    default: true,
    env: ['ENABLE_DID_RESOLUTION'],
    commands: ALL,
    text: 'Resolve the handles of accounts; without it actors have none.',
  }),
  plcUrl: setting({
    kind: url(['https', 'http'], 'https://plc.directory'),
    default: 'https://plc.directory',
    env: ['PLC_URL'],
    commands: ['indexer', 'backfiller', 'up', 'doctor'],
    text: 'Directory that resolves did:plc identities.',
  }),
  handleResolverUrl: setting<string | null>({
    kind: optional(url(['https', 'http'], 'https://public.api.bsky.app')),
    default: null,
    absent: "DNS and the handle's own host",
    commands: ['indexer', 'up'],
    text: 'Server asked for com.atproto.identity.resolveHandle instead of resolving handles directly.',
  }),
  allowHttp: setting({
    kind: bool,
    default: false,
    commands: ['indexer', 'backfiller', 'up'],
    text: 'Accept identities on plain http and on hosts of an inner network, such as those of the sandbox.',
  }),
}
