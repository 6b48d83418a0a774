/** Settings of the two stores: the log of streams and the database. */
import { bool, duration, int, name, optional, path, port, url } from '../kinds.ts'
import { inSeconds, setting } from '../setting.ts'

const REDIS_SCHEMES = [
  'redis',
  'rediss',
  'redis+sentinel',
  'rediss+sentinel',
  'redis+cluster',
  'rediss+cluster',
]
const POSTGRES_SCHEMES = ['postgres', 'postgresql']

export const redisUrlKind = url(REDIS_SCHEMES, 'redis://localhost:6379')
export const databaseUrlKind = url(POSTGRES_SCHEMES, 'postgresql://user@localhost:5432/bsky')

export const stores = {
  data: setting<string | null>({
    kind: optional(path),
    default: './millrace-data',
    defaultFor: { demo: null },
    absent: 'a temporary folder, removed at the end',
    commands: ['up', 'demo', 'drops', 'doctor', 'recount'],
    text: 'Folder of the embedded stores: streams in <data>/streams, PostgreSQL in <data>/postgres.',
  }),
  redisUrl: setting<string | null>({
    kind: optional(redisUrlKind),
    default: 'redis://localhost:6379',
    defaultFor: { up: null, demo: null, status: null, doctor: null },
    absent: {
      up: 'the embedded log',
      demo: 'the embedded log',
      status: 'no store is read',
      doctor: 'no Redis is asked',
    },
    env: [{ name: 'REDIS_URL', only: ['up', 'ingester', 'backfiller', 'indexer', 'status', 'doctor'] }],
    commands: ['up', 'demo', 'ingester', 'backfiller', 'indexer', 'status', 'doctor'],
    text: 'Redis or Valkey 6.2 or newer that holds the streams; TLS, password, Sentinel and Cluster URLs work.',
  }),
  redisWaitMs: setting({
    kind: duration({ minMs: 100, maxMs: 600_000 }),
    default: 10_000,
    commands: ['up', 'demo', 'ingester', 'backfiller', 'indexer', 'status'],
    text: 'How long to wait for Redis at the start; later outages are waited out for ever.',
  }),
  databaseUrl: setting<string | null>({
    kind: optional(databaseUrlKind),
    default: 'postgresql://localhost:5432/postgres',
    defaultFor: { up: null, demo: null, drops: null, doctor: null, recount: null },
    absent: {
      up: 'the embedded PostgreSQL',
      demo: 'the embedded PostgreSQL',
      drops: 'that of a running `up`',
      recount: 'the embedded PostgreSQL in the data folder',
      doctor: 'that of a running `up`',
    },
    env: [{ name: 'DATABASE_URL', only: ['up', 'indexer', 'migrate', 'drops', 'recount', 'doctor'] }],
    commands: ['up', 'demo', 'indexer', 'migrate', 'drops', 'recount', 'doctor'],
    text: 'PostgreSQL 14 or newer that the AppView reads.',
  }),
  databaseSchema: setting({
    kind: name(/^[a-z_]{1,63}$/, 'a schema name of lower-case letters and underscores, such as bsky'),
    default: 'bsky',
    commands: ['up', 'demo', 'indexer', 'migrate', 'recount', 'doctor'],
    text: 'Schema of the tables that the AppView reads.',
  }),
  databasePoolSize: setting({
    kind: int({ min: 2, max: 1_000 }),
    default: 20,
    env: ['DB_POOL_MAX_SIZE', 'DB_POOL_SIZE'],
    commands: ['up', 'demo', 'indexer'],
    text: 'Most connections to PostgreSQL that one indexer opens.',
  }),
  databaseWaitMs: setting({
    kind: duration({ minMs: 100, maxMs: 600_000 }),
    default: 30_000,
    env: [inSeconds('DB_WAIT_TIMEOUT_SECS')],
    commands: ['up', 'demo', 'indexer', 'migrate', 'drops', 'recount'],
    text: 'How long to wait for a connection to PostgreSQL before the attempt counts as failed.',
  }),
  databasePort: setting({
    kind: port,
    default: 0,
    commands: ['up', 'demo'],
    text: 'Loopback port of the embedded PostgreSQL; 0 takes a free one.',
  }),
  migrateAtStart: setting({
    kind: bool,
    default: false,
    defaultFor: { up: true, demo: true },
    commands: ['up', 'demo', 'indexer'],
    text: 'Create missing tables before indexing.',
  }),
}
