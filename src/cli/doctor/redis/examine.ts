/** Joins what Redis said with the settings that have to fit it. */
import { deadLetterStream, FIREHOSE_BACKFILL, LABEL_LIVE } from '../../../event/streams.ts'
import type { Settings } from '../../config/settings.ts'
import { resolveAll } from '../config/check.ts'
import { error, info, type Finding } from '../finding.ts'
import { answerTimeoutMs, type Patient } from '../patient.ts'
import type { ServiceFacts } from '../services/facts.ts'
import { checkNode } from './check.ts'
import { readRedis, type RedisFacts } from './facts.ts'
import { checkMemory, type Mark } from './memory.ts'
import { checkReach } from './reach.ts'

type Known = Pick<Patient, 'settings' | 'environment' | 'signal'> & {
  /** Hosts as the running services name them. */
  readonly upstreamHosts: () => Promise<readonly string[]>
}

export const askRedis = async (known: Known): Promise<RedisFacts | null> => {
  const { settings, environment, signal, upstreamHosts } = known
  if (settings.redisUrl === null) return null
  const { backfiller = settings, indexer = settings } = resolveAll(environment)
  const streams = [...new Set([...indexer.indexerStreams, LABEL_LIVE, backfiller.backfillerInputStream])]
  const letters = [...streams.map(deadLetterStream), backfiller.backfillerDeadLetterStream]
  return readRedis({
    url: settings.redisUrl,
    timeoutMs: answerTimeoutMs(settings),
    signal,
    streams,
    deadLetters: [...new Set(letters)],
    hosts: hostsOf(settings, await upstreamHosts()),
  })
}

/** As the running services name them; else as the settings here do. */
const hostsOf = ({ relayHosts, labelerHosts }: Settings, running: readonly string[]): readonly string[] =>
  running.length > 0 ? running : [...new Set([...relayHosts, ...labelerHosts])]

/** Marks of the running services; those of the settings here where none tells. */
const marksOf = (facts: RedisFacts, services: readonly ServiceFacts[], settings: Settings): Mark[] => {
  const told = services
    .flatMap(({ status }) => status?.streams ?? [])
    .flatMap(({ stream, highWaterMark }) =>
      highWaterMark === null ? [] : [[stream, highWaterMark] as const],
    )
  const marks = new Map(told.length > 0 ? told : configuredMarks(settings))
  const bytes = new Map(facts.streams.map(({ stream, entryBytes }) => [stream, entryBytes]))
  return [...marks].map(([stream, entries]) => ({ stream, entries, entryBytes: bytes.get(stream) ?? null }))
}

const configuredMarks = (settings: Settings): [string, number][] => [
  ['firehose_live', settings.firehoseHighWaterMark ?? settings.ingesterHighWaterMark],
  ['repo_backfill', settings.repoHighWaterMark ?? settings.ingesterHighWaterMark],
  [LABEL_LIVE, settings.labelHighWaterMark ?? settings.ingesterHighWaterMark],
  [FIREHOSE_BACKFILL, settings.backfillerHighWaterMark],
]

/** The environment here as the services would read it. */
const serviceSettings = ({ settings, environment }: Patient): Settings => {
  const { ingester, backfiller } = resolveAll(environment)
  return {
    ...settings,
    ...ingester,
    backfillerHighWaterMark: (backfiller ?? settings).backfillerHighWaterMark,
  }
}

export const examineRedis = async (patient: Patient): Promise<Finding[]> => {
  const [facts, services] = await Promise.all([patient.redis(), patient.services()])
  if (facts === null) return [notNamed(services)]
  if (facts.failure !== null) return [unreachable(facts.failure)]
  const marks = marksOf(facts, services, serviceSettings(patient))
  const { indexer = patient.settings } = resolveAll(patient.environment)
  return [
    ...facts.nodes.flatMap((node) => [...checkNode(node), ...checkMemory(node, marks)]),
    ...checkReach(facts.streams, indexer),
  ]
}

const notNamed = (services: readonly ServiceFacts[]): Finding => {
  const stores = new Set(services.flatMap(({ status }) => status?.store ?? []))
  if (stores.has('redis'))
    return info('redis.not_named', 'The services work on Redis, but none was named here.', {
      why: 'Its policy, persistence, memory and streams were not looked at.',
      fix: 'millrace doctor --redis-url redis://localhost:6379',
    })
  return stores.has('embedded')
    ? info('redis.embedded', 'The streams are in the embedded log: there is no Redis to look at.')
    : info('redis.not_named', 'No Redis was named.', {
        fix: 'millrace doctor --redis-url redis://localhost:6379',
      })
}

const unreachable = (reason: string): Finding =>
  error('redis.unreachable', `Redis cannot be reached: ${reason}.`, {
    why: 'No service can work without it: intake, backfill and indexing wait until it is back.',
    fix: 'systemctl status redis-server, or docker ps   # started? the right address (REDIS_URL), user and password?',
  })
