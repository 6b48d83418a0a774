/** Judges what the metrics addresses answered. Pure. */
import type { ServiceName } from '../../../monitoring/status.ts'
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { isAnswer } from '../http.ts'
import { secondsText, someOf } from '../words.ts'
import type { ServiceFacts } from './facts.ts'
import { checkNames } from './names.ts'
import { checkMovement } from './movement.ts'

export type ServicesAsked = {
  readonly facts: readonly ServiceFacts[]
  /** The addresses were given: each of them has to answer. */
  readonly areGiven: boolean
}

const KINDS: readonly ServiceName[] = ['ingester', 'backfiller', 'indexer']

export const checkServices = ({ facts, areGiven }: ServicesAsked): Finding[] => {
  const running = facts.filter(({ kind }) => kind !== null)
  const silent = facts.filter(({ kind }) => kind === null)
  if (running.length === 0 && !areGiven) return [nothingRuns(facts)]
  return [
    ...silent.flatMap((service) => checkSilent(service, areGiven)),
    ...running.flatMap(checkOne),
    ...checkFleet(running),
    ...checkMovement(running),
  ]
}

const nothingRuns = (facts: readonly ServiceFacts[]): Finding =>
  error('services.none', `No service answers at ${facts.map(({ url }) => url).join(', ')}.`, {
    why: 'Nothing is taken in, fetched or indexed here. Services on other hosts or ports have to be named.',
    fix: 'millrace up   # or: millrace demo, or: millrace doctor --services http://<host>:<port>,…',
  })

const checkSilent = ({ url, metrics, scraped }: ServiceFacts, areGiven: boolean): Finding[] => {
  if (!areGiven) return []
  if (!isAnswer(metrics))
    return [
      error('services.unreachable', `${url} does not answer: ${metrics.reason}.`, {
        why: 'The service is down, listens elsewhere, or the network between here and it is closed. Prometheus sees it as DOWN, too.',
        fix: `curl -v ${url}/metrics   # then: docker ps, systemctl status, or the log of the service`,
      }),
    ]
  const said = metrics.status === 200 ? `${scraped.samples.length} series` : `status ${metrics.status}`
  return [
    error('services.foreign', `${url} answers /metrics with ${said}, but is none of the three services.`, {
      why: 'Another program has this port (9090 is also the one of Prometheus), so the service is somewhere else or nowhere.',
      fix: `curl -s ${url}/metrics | head   # then correct --services, or the port of the service`,
    }),
  ]
}

const checkOne = (service: ServiceFacts): Finding[] => {
  const { url, kind, status, scraped } = service
  const name = `${kind ?? 'service'} at ${url}`
  const make = status === null ? 'of another make (no /status)' : `version ${status.version}`
  const problems = [
    ...checkHealth(name, service),
    ...checkFormat(name, service),
    ...checkNames(name, service),
    ...checkClock(name, service),
  ]
  return [
    ...problems,
    ...(problems.length === 0
      ? [ok('services.answers', `${name}: ready, ${scraped.samples.length} series, ${make}.`)]
      : []),
  ]
}

const checkHealth = (name: string, { url, health, ready }: ServiceFacts): Finding[] => {
  if (health !== null && health.status !== 200)
    return [
      error('services.not_live', `${name} asks to be restarted: ${health.reasons.join(' ')}`, {
        why: 'It has work and makes no progress; waiting will not help.',
        fix: `restart the service, e.g. docker restart <container>   # look first: curl -s ${url}/status`,
      }),
    ]
  if (ready === null || ready.status === 200) return []
  return [
    warning('services.not_ready', `${name} is not ready: ${ready.reasons.join(' ')}`, {
      why: 'It runs, but something it stands on gives it nothing: data does not move through it at the moment.',
      fix: `curl -s ${url}/status   # its upstreams and last problems, with what to do about each`,
    }),
  ]
}

const checkFormat = (name: string, { url, metrics, scraped }: ServiceFacts): Finding[] => {
  if (!isAnswer(metrics)) return []
  const [first] = scraped.unreadable
  if (first !== undefined)
    return [
      error(
        'services.unreadable',
        `${name}: ${scraped.unreadable.length} lines of /metrics do not parse: ${first}`,
        {
          why: 'Prometheus drops the whole scrape for one such line: the target is DOWN although the service runs.',
          fix: `curl -s ${url}/metrics | promtool check metrics`,
        },
      ),
    ]
  if (metrics.seconds <= 5) return []
  return [
    warning('services.slow', `${name}: /metrics took ${secondsText(metrics.seconds)}.`, {
      why: 'Beyond the scrape timeout (10 s by default) Prometheus takes nothing, and every figure of this service goes stale.',
      fix: `curl -s ${url}/metrics | grep -E 'nodejs_eventloop_lag_p99|process_cpu'   # is it starved?`,
    }),
  ]
}

/** Whole seconds in a header, and the way of the answer: less than two seconds cannot be told from none. */
const checkClock = (name: string, { metrics }: ServiceFacts): Finding[] => {
  const skew = isAnswer(metrics) ? metrics.clockSkewSeconds : null
  if (skew === null || !isAnswer(metrics) || Math.abs(skew) < 2 + metrics.seconds) return []
  const direction = skew > 0 ? 'ahead of' : 'behind'
  const text = `The clock of the ${name} is ${secondsText(Math.abs(skew))} ${direction} the one here.`
  const reason = {
    why: 'Freshness, ages and idle times compare clocks of different machines: all of them are wrong by this much.',
    fix: 'timedatectl set-ntp true   # on both machines; check with: timedatectl timesync-status',
  }
  return [
    Math.abs(skew) > 30 ? error('services.clock', text, reason) : warning('services.clock', text, reason),
  ]
}

const checkFleet = (running: readonly ServiceFacts[]): Finding[] => {
  const missing = KINDS.filter((kind) => running.every((service) => service.kind !== kind))
  const versions = new Set(running.flatMap(({ status }) => status?.version ?? []))
  const stores = new Set(running.flatMap(({ status }) => status?.store ?? []))
  return [
    ...(missing.length > 0 ? [missingKinds(missing)] : []),
    ...(versions.size > 1
      ? [
          warning(
            'services.versions',
            `The services run different versions: ${[...versions].sort().join(', ')}.`,
            {
              why: 'Harmless for the minutes of a deployment; longer, a fix you rely on runs in only a part of the fleet.',
              fix: 'deploy the same version everywhere; which is where: sum by (version, instance) (build_info)',
            },
          ),
        ]
      : running.length > 1 && versions.size === 1
        ? [ok('services.versions', `All services run version ${someOf([...versions])}.`)]
        : []),
    ...(stores.size > 1
      ? [
          error('services.stores', 'Some services work on Redis and some on an embedded log.', {
            why: 'They do not see each other’s streams: what one writes, the other never reads.',
            fix: 'give every service the same --redis-url',
          }),
        ]
      : []),
  ]
}

const missingKinds = (missing: readonly ServiceName[]): Finding =>
  info('services.missing', `No ${missing.join(' and no ')} among the addresses that were asked.`, {
    why: 'Fine if it runs elsewhere; otherwise its part of the work is not done.',
    fix: 'millrace doctor --services http://<host>:<port>,…   # all of them; see also: millrace status',
  })
