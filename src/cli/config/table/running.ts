/** Settings of every process: logging, stopping, where it is observed. */
import { bool, duration, list, name, oneOf, port, url } from '../kinds.ts'
import { COMMANDS, setting, type CommandName } from '../setting.ts'

const SERVING: readonly CommandName[] = ['up', 'demo', 'ingester', 'backfiller', 'indexer']
const RUNNING: readonly CommandName[] = [...SERVING, 'sandbox']

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
const FROM_RUST: Readonly<Record<string, string>> = { trace: 'debug', off: 'silent' }

/** `ingester=info,sqlx=warn`: the most talkative level that is named anywhere, info when none is. Never an error. */
export const levelOfRustLog = (text: string): string => {
  const named = text
    .toLowerCase()
    .split(',')
    .map((part) => part.split('=').at(-1)?.trim() ?? '')
    .map((level) => FROM_RUST[level] ?? level)
  return LEVELS.find((level) => named.includes(level)) ?? 'info'
}

export const monitoring = {
  monitoringHost: setting({
    kind: name(/^[a-z0-9.:[\]-]{1,255}$/i, 'an address such as 0.0.0.0 or 127.0.0.1'),
    default: '0.0.0.0',
    defaultFor: { demo: '127.0.0.1' },
    commands: SERVING,
    text: 'Address on which metrics, health and the console are served.',
  }),
  ingesterMetricsPort: setting({
    kind: port,
    default: 4100,
    env: ['INGESTER_METRICS_PORT', { name: 'METRICS_PORT', only: ['ingester'] }],
    commands: ['ingester', 'up', 'demo'],
    text: 'Port of the ingester’s metrics, health and console; 0 takes a free one.',
  }),
  backfillerMetricsPort: setting({
    kind: port,
    default: 9090,
    defaultFor: { up: 9091, demo: 9091 },
    env: ['BACKFILLER_METRICS_PORT'],
    commands: ['backfiller', 'up', 'demo'],
    text: 'Port of the backfiller’s metrics, health and console; 0 takes a free one.',
  }),
  indexerMetricsPort: setting({
    kind: port,
    default: 9090,
    defaultFor: { up: 9093, demo: 9093 },
    env: ['INDEXER_METRICS_PORT', { name: 'METRICS_PORT', only: ['indexer'] }],
    commands: ['indexer', 'up', 'demo'],
    text: 'Port of the indexer’s metrics, health and console; 0 takes a free one.',
  }),
  services: setting<readonly string[]>({
    kind: list(url(['http', 'https'], 'http://localhost:4100'), 'URLs separated by commas'),
    default: [
      'http://localhost:4100',
      'http://localhost:9091',
      'http://localhost:9093',
      'http://localhost:9090',
    ],
    commands: ['status', 'top', 'doctor'],
    text: 'Metrics addresses of the services to ask; one that does not answer is left out.',
  }),
  intervalMs: setting({
    kind: duration({ minMs: 100, maxMs: 600_000 }),
    default: 2_000,
    commands: ['top'],
    text: 'Time between two looks; rates are those of this time.',
  }),
}

export const running = {
  logLevel: setting({
    kind: oneOf(LEVELS),
    default: 'info',
    defaultFor: {
      demo: 'warn',
      status: 'warn',
      drops: 'warn',
      doctor: 'warn',
      migrate: 'warn',
      recount: 'warn',
    },
    env: [
      'LOG_LEVEL',
      { name: 'RUST_LOG', translate: levelOfRustLog, note: 'the most talkative level named in it counts' },
    ],
    commands: COMMANDS,
    text: 'Least important messages to log.',
  }),
  logFormat: setting({
    kind: oneOf(['auto', 'pretty', 'json']),
    default: 'auto',
    env: ['LOG_FORMAT'],
    commands: COMMANDS,
    text: 'How to log to standard error; auto is pretty on a terminal and JSON elsewhere.',
  }),
  stopTimeoutMs: setting({
    kind: duration({ minMs: 100, maxMs: 3_600_000 }),
    default: 20_000,
    commands: RUNNING,
    text: 'After SIGTERM or SIGINT the process drains and exits 0; when this time is over it exits 2.',
  }),
  json: setting({
    kind: bool,
    default: false,
    commands: ['demo', 'status', 'drops', 'doctor', 'sandbox', 'migrate', 'recount'],
    text: 'Answer with JSON on standard output.',
  }),
  exitWhenDone: setting({
    kind: bool,
    default: false,
    commands: ['demo'],
    text: 'End when everything produced is indexed: exit 0 when complete, 3 when anything is missing.',
  }),
}
