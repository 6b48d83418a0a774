import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXIT, SetupError } from '../../lib/errors.ts'
import { resolveSettings, withoutEffect } from './resolve.ts'
import type { CommandName } from './setting.ts'
import type { SettingKey, Settings } from './settings.ts'

const refusal = (run: () => unknown): SetupError => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof SetupError, String(error))
    assert.equal(error.exitCode, EXIT.usage)
    return error
  }
  assert.fail('the settings were accepted')
}

test('a flag wins over MILLRACE_*, that over the rsky name, that over the default', () => {
  const rsky = { INGESTER_BATCH_SIZE: '3' }
  const both = { ...rsky, MILLRACE_INGESTER_BATCH_SIZE: '2' }
  assert.equal(resolveSettings('ingester', {}, {}).ingesterBatchSize, 500)
  assert.equal(resolveSettings('ingester', {}, rsky).ingesterBatchSize, 3)
  assert.equal(resolveSettings('ingester', {}, both).ingesterBatchSize, 2)
  assert.equal(resolveSettings('ingester', { ingesterBatchSize: '1' }, both).ingesterBatchSize, 1)
})

type Case = readonly [
  name: string,
  text: string,
  command: CommandName,
  key: SettingKey,
  value: Settings[SettingKey],
]

/** Every variable that the rsky services read, or that their documents name, with a value as a deployment writes it. */
const RSKY: readonly Case[] = [
  ['REDIS_URL', 'redis://r:6379', 'ingester', 'redisUrl', 'redis://r:6379'],
  ['REDIS_URL', 'redis://r:6379', 'backfiller', 'redisUrl', 'redis://r:6379'],
  ['REDIS_URL', 'redis://r:6379', 'indexer', 'redisUrl', 'redis://r:6379'],
  [
    'INGESTER_RELAY_HOSTS',
    'a.example,https://b.example',
    'ingester',
    'relayHosts',
    ['a.example', 'https://b.example'],
  ],
  ['RELAY_HOSTS', 'a.example', 'ingester', 'relayHosts', ['a.example']],
  ['INGESTER_LABELER_HOSTS', 'mod.bsky.app', 'ingester', 'labelerHosts', ['mod.bsky.app']],
  ['LABELER_HOSTS', 'mod.bsky.app', 'ingester', 'labelerHosts', ['mod.bsky.app']],
  ['INGESTER_MODE', 'labeler', 'ingester', 'ingesterMode', 'labeler'],
  ['INGESTER_HIGH_WATER_MARK', '40000000', 'ingester', 'ingesterHighWaterMark', 40_000_000],
  ['INGESTER_BATCH_SIZE', '1000', 'ingester', 'ingesterBatchSize', 1_000],
  ['INGESTER_BATCH_TIMEOUT_MS', '250', 'ingester', 'ingesterBatchTimeoutMs', 250],
  ['METRICS_PORT', '4101', 'ingester', 'ingesterMetricsPort', 4_101],
  ['METRICS_PORT', '9099', 'indexer', 'indexerMetricsPort', 9_099],
  ['RUST_LOG', 'ingester=debug,rsky_ingester=info', 'ingester', 'logLevel', 'debug'],
  ['RUST_LOG', 'something odd', 'ingester', 'logLevel', 'info'],
  ['BACKFILLER_CONSUMER', 'b7', 'backfiller', 'backfillerConsumer', 'b7'],
  ['BACKFILLER_CONSUMER_NAME', 'b7', 'backfiller', 'backfillerConsumer', 'b7'],
  ['BACKFILLER_BACKFILL_STREAM', 's', 'backfiller', 'backfillerInputStream', 's'],
  ['BACKFILLER_INPUT_STREAM', 's', 'backfiller', 'backfillerInputStream', 's'],
  ['BACKFILLER_FIREHOSE_STREAM', 's', 'backfiller', 'backfillerOutputStream', 's'],
  ['BACKFILLER_OUTPUT_STREAM', 's', 'backfiller', 'backfillerOutputStream', 's'],
  ['BACKFILLER_DLQ_STREAM', 's', 'backfiller', 'backfillerDeadLetterStream', 's'],
  ['BACKFILLER_GROUP', 'g', 'backfiller', 'backfillerGroup', 'g'],
  ['BACKFILLER_CONSUMER_GROUP', 'g', 'backfiller', 'backfillerGroup', 'g'],
  ['BACKFILLER_CONCURRENCY', '20', 'backfiller', 'backfillerConcurrency', 20],
  ['BACKFILLER_WORKERS', '32', 'backfiller', 'backfillerConcurrency', 32],
  ['BACKFILLER_BATCH_SIZE', '100', 'backfiller', 'backfillerBatchSize', 100],
  [
    'BACKFILLER_FIREHOSE_STREAM_HIGH_WATER_MARK',
    '40000000',
    'backfiller',
    'backfillerHighWaterMark',
    40_000_000,
  ],
  ['BACKFILLER_OUTPUT_HIGH_WATER_MARK', '7', 'backfiller', 'backfillerHighWaterMark', 7],
  ['BACKFILLER_HTTP_TIMEOUT_SECS', '90', 'backfiller', 'backfillerHttpTimeoutMs', 90_000],
  ['BACKFILLER_TIMEOUT_SECS', '120', 'backfiller', 'backfillerHttpTimeoutMs', 120_000],
  ['BACKFILLER_MAX_RETRIES', '5', 'backfiller', 'backfillerMaxRetries', 5],
  ['BACKFILLER_RETRY_INITIAL_BACKOFF_MS', '2000', 'backfiller', 'backfillerRetryInitialMs', 2_000],
  ['BACKFILLER_RETRY_MAX_BACKOFF_MS', '60000', 'backfiller', 'backfillerRetryMaxMs', 60_000],
  ['BACKFILLER_SKIP_SIGNATURE_VERIFICATION', 'true', 'backfiller', 'skipSignatureVerification', true],
  ['BACKFILLER_METRICS_PORT', '9091', 'backfiller', 'backfillerMetricsPort', 9_091],
  ['DATABASE_URL', 'postgresql://d/x', 'indexer', 'databaseUrl', 'postgresql://d/x'],
  ['INDEXER_MODE', 'label', 'indexer', 'indexerMode', 'label'],
  ['INDEXER_STREAMS', 'firehose_live, other', 'indexer', 'indexerStreams', ['firehose_live', 'other']],
  ['INDEXER_GROUP', 'g', 'indexer', 'indexerGroup', 'g'],
  ['INDEXER_CONSUMER', 'indexer_2', 'indexer', 'indexerConsumer', 'indexer_2'],
  ['INDEXER_CONCURRENCY', '10', 'indexer', 'indexerConcurrency', 10],
  ['INDEXER_WORKERS', '16', 'indexer', 'indexerConcurrency', 16],
  ['HANDLE_RESOLUTION_CONCURRENCY', '50', 'indexer', 'indexerConcurrency', 50],
  ['INDEXER_MAX_CONCURRENT', '200', 'indexer', 'indexerConcurrency', 200],
  ['INDEXER_BATCH_SIZE', '100', 'indexer', 'indexerBatchSize', 100],
  ['DB_POOL_MAX_SIZE', '40', 'indexer', 'databasePoolSize', 40],
  ['DB_POOL_SIZE', '40', 'indexer', 'databasePoolSize', 40],
  ['DB_WAIT_TIMEOUT_SECS', '10', 'indexer', 'databaseWaitMs', 10_000],
  ['ENABLE_DID_RESOLUTION', 'false', 'indexer', 'enableDidResolution', false],
  ['PLC_URL', 'https://plc.example', 'indexer', 'plcUrl', 'https://plc.example'],
  ['FIREHOSE_INITIAL_CURSOR', '12', 'ingester', 'initialCursor', 12],
  ['RECORD_COLLECTION_ALLOWLIST', 'app.bsky.feed.post', 'ingester', 'collections', ['app.bsky.feed.post']],
]

test('every variable of the rsky services works under its own name', () => {
  for (const [name, text, command, key, value] of RSKY) {
    assert.deepEqual(resolveSettings(command, {}, { [name]: text })[key], value, name)
  }
})

test('rsky variables that change nothing are accepted and named with a reason', () => {
  const environment = { FJALL_CACHE_SIZE_GB: '32', DB_POOL_MIN_IDLE: '5', INLINE_CONCURRENCY: '' }
  resolveSettings('indexer', {}, environment)
  assert.deepEqual(
    withoutEffect(environment).map(({ name }) => name),
    ['DB_POOL_MIN_IDLE', 'FJALL_CACHE_SIZE_GB'],
  )
})

test('METRICS_PORT belongs to services that run alone: in one process it would name three ports', () => {
  assert.equal(resolveSettings('up', {}, { METRICS_PORT: '1' }).ingesterMetricsPort, 4_100)
  assert.equal(resolveSettings('backfiller', {}, { METRICS_PORT: '1' }).backfillerMetricsPort, 9_090)
})

test('the demo never writes into the stores that the environment names for the real services', () => {
  const settings = resolveSettings('demo', {}, { DATABASE_URL: 'postgresql://d/x', REDIS_URL: 'redis://r' })
  assert.deepEqual([settings.databaseUrl, settings.redisUrl], [null, null])
})

test('ports are the documented ones, alone and in one process', () => {
  const ports = (command: CommandName) => {
    const settings = resolveSettings(command, {}, {})
    return [settings.ingesterMetricsPort, settings.backfillerMetricsPort, settings.indexerMetricsPort]
  }
  assert.deepEqual(ports('ingester'), [4_100, 9_090, 9_090])
  assert.deepEqual(ports('up'), [4_100, 9_091, 9_093])
  assert.deepEqual(ports('demo'), [4_100, 9_091, 9_093])
})

test('an unknown MILLRACE_ variable stops the start and the nearest name is suggested', () => {
  const error = refusal(() => resolveSettings('up', {}, { MILLRACE_RELAY_HOST: 'x' }))
  assert.match(error.message, /^MILLRACE_RELAY_HOST is not a setting$/)
  assert.match(error.remedy, /^Write MILLRACE_RELAY_HOSTS;/)
})

test('an unknown MILLRACE_ variable that resembles nothing is to be removed', () => {
  const error = refusal(() => resolveSettings('up', {}, { MILLRACE_ZZZZQQQQWWWW: 'x' }))
  assert.match(error.remedy, /^Remove it;/)
})

test('an invalid value stops the start with what to write instead', () => {
  const cases: readonly (readonly [CommandName, Record<string, string>, RegExp, RegExp])[] = [
    [
      'ingester',
      { INGESTER_MODE: 'fire' },
      /INGESTER_MODE is "fire"/,
      /one of all, firehose, backfill, labeler/,
    ],
    ['ingester', { INGESTER_BATCH_SIZE: '0' }, /INGESTER_BATCH_SIZE is "0"/, /from 1 to 10000/],
    ['ingester', { INGESTER_BATCH_SIZE: '1e3' }, /is "1e3"/, /a whole number/],
    ['up', { MILLRACE_STOP_TIMEOUT: 'soon' }, /MILLRACE_STOP_TIMEOUT is "soon"/, /such as 500ms, 30s or 5m/],
    ['up', { MILLRACE_MAX_FRAME: '5 parsecs' }, /is "5 parsecs"/, /such as 128MB/],
    ['indexer', { ENABLE_DID_RESOLUTION: 'maybe' }, /is "maybe"/, /yes or no/],
    ['up', { MILLRACE_RELAY_HOSTS: 'a b' }, /is "a b"/, /hosts separated by commas/],
    ['indexer', { METRICS_PORT: '70000' }, /METRICS_PORT is "70000"/, /from 0 to 65535/],
  ]
  for (const [command, environment, message, remedy] of cases) {
    const error = refusal(() => resolveSettings(command, {}, environment))
    assert.match(error.message, message)
    assert.match(error.remedy, remedy)
  }
  assert.match(
    refusal(() => resolveSettings('up', { rate: 'x', collections: '!' }, {})).message,
    /^--collections/,
  )
})

test('a value that may hold a password is never repeated', () => {
  const error = refusal(() => resolveSettings('indexer', {}, { DATABASE_URL: 'mysql://me:hunter2@db/x' }))
  assert.doesNotMatch(`${error.message} ${error.remedy}`, /hunter2/)
})

test('an empty variable counts as unset', () => {
  const settings = resolveSettings('ingester', {}, { INGESTER_RELAY_HOSTS: '', RELAY_HOSTS: 'a.example' })
  assert.deepEqual(settings.relayHosts, ['a.example'])
})

test('a variable of another command is not examined: services share one environment', () => {
  resolveSettings('ingester', {}, { INDEXER_MODE: 'nonsense' })
})
