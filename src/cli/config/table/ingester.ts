/** Settings of the ingester: upstreams, filter, batches and high-water marks. */
import { bytes, duration, int, list, name, oneOf, optional, type Kind } from '../kinds.ts'
import { setting, type CommandName } from '../setting.ts'

const INGESTER: readonly CommandName[] = ['ingester', 'up']
const WITH_DEMO: readonly CommandName[] = [...INGESTER, 'demo']

const host = name(
  /^(?:(?:https?|wss?):\/\/)?[a-z0-9.[\]:-]+\/?$/i,
  'a host such as bsky.network or https://bsky.network',
)
const hosts = list(host, 'hosts separated by commas, such as bsky.network')
const pattern = name(
  /^(?:\*|[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*(?:\.\*)?)$/i,
  'a collection such as app.bsky.feed.post, app.bsky.*, or * for all',
)
const mark = int({ min: 1 })
const cursor: Kind<'live' | number> = {
  expects: 'live, or a whole number of 0 or more',
  placeholder: '<cursor>',
  parse: (text) => (text.toLowerCase() === 'live' ? 'live' : int({ min: 0 }).parse(text)),
  show: String,
}

const ownMark = (stream: string) =>
  setting<number | null>({
    kind: optional(mark),
    default: null,
    absent: 'that of all streams',
    commands: WITH_DEMO,
    text: `Length of ${stream} at which the ingester stops taking in more for it.`,
  })

export const ingester = {
  relayHosts: setting<readonly string[]>({
    kind: hosts,
    default: ['bsky.network'],
    env: ['INGESTER_RELAY_HOSTS', 'RELAY_HOSTS'],
    commands: [...INGESTER, 'doctor'],
    text: 'Relays to follow and whose repositories to list.',
  }),
  labelerHosts: setting<readonly string[]>({
    kind: hosts,
    default: [],
    env: ['INGESTER_LABELER_HOSTS', 'LABELER_HOSTS'],
    commands: [...INGESTER, 'doctor'],
    text: 'Labelers to follow.',
  }),
  ingesterMode: setting({
    kind: oneOf(['all', 'firehose', 'backfill', 'labeler']),
    default: 'all',
    env: ['INGESTER_MODE'],
    commands: INGESTER,
    text: 'Which parts run: the firehose, the listing of repositories to backfill, the labels, or all.',
  }),
  collections: setting<readonly string[]>({
    kind: list(pattern, 'collections separated by commas, such as app.bsky.*,chat.bsky.*'),
    default: ['app.bsky.*', 'chat.bsky.*'],
    env: ['RECORD_COLLECTION_ALLOWLIST'],
    commands: [...WITH_DEMO, 'backfiller'],
    text: 'Collections to keep, live and in backfill; everything else is counted and left out.',
  }),
  initialCursor: setting<'live' | number>({
    kind: cursor,
    default: 0,
    env: ['FIREHOSE_INITIAL_CURSOR'],
    commands: INGESTER,
    text: 'Where to begin at a relay without a saved cursor: 0 replays all that it still has, live skips that.',
  }),
  ingesterHighWaterMark: setting({
    kind: mark,
    default: 100_000,
    env: ['INGESTER_HIGH_WATER_MARK'],
    commands: WITH_DEMO,
    text: 'Length at which the ingester stops taking in more for a stream, for each of its three streams.',
  }),
  firehoseHighWaterMark: ownMark('firehose_live'),
  repoHighWaterMark: ownMark('repo_backfill'),
  labelHighWaterMark: ownMark('label_live'),
  ingesterBatchSize: setting({
    kind: int({ min: 1, max: 10_000 }),
    default: 500,
    env: ['INGESTER_BATCH_SIZE'],
    commands: WITH_DEMO,
    text: 'Most entries written in one append.',
  }),
  ingesterBatchTimeoutMs: setting({
    kind: duration({ minMs: 1, maxMs: 60_000 }),
    default: 100,
    env: ['INGESTER_BATCH_TIMEOUT_MS'],
    commands: WITH_DEMO,
    text: 'Longest wait before a batch that is not full is written.',
  }),
  ingesterIdleTimeoutMs: setting({
    kind: duration({ minMs: 1_000, maxMs: 3_600_000 }),
    default: 30_000,
    commands: WITH_DEMO,
    text: 'A firehose that sends no data for this long is disconnected and connected anew.',
  }),
  labelIdleTimeoutMs: setting({
    kind: duration({ minMs: 1_000, maxMs: 86_400_000 }),
    default: 600_000,
    commands: WITH_DEMO,
    text: 'The same for labelers, which may rightly be silent for minutes.',
  }),
  maxFrameBytes: setting({
    kind: bytes({ min: 64 * 1_024, max: 256 * 1_024 ** 2 }),
    default: 5 * 1_024 ** 2,
    commands: WITH_DEMO,
    text: 'A larger frame is counted and left out.',
  }),
}
