/** "Check metric names match dashboard queries": names that rules and dashboards use and nothing exports. Pure. */
import type { ServiceName } from '../../../monitoring/status.ts'
import { info, ok, warning, type Finding } from '../finding.ts'
import { countText, someOf } from '../words.ts'
import type { Use } from './dashboards.ts'
import type { PrometheusFacts } from './facts.ts'
import { metricNames } from './promql.ts'

/** Prometheus makes these only while an alert is pending or firing. */
const OCCASIONAL = new Set(['ALERTS', 'ALERTS_FOR_STATE'])

/** Exporters and programs beside the services: without their job, nobody owes these names. */
const NEIGHBOURS: Readonly<Record<string, RegExp>> = {
  redis: /^redis_/,
  postgres: /^pg_/,
  alertmanager: /^alertmanager_/,
  prometheus: /^prometheus_/,
}

const SERVICES: readonly ServiceName[] = ['ingester', 'backfiller', 'indexer']

const usesOfRules = ({ rules }: PrometheusFacts): Use[] =>
  rules.flatMap(({ name, query }) =>
    metricNames(query).map((used) => ({ name: used, place: `rule ${name}` })),
  )

export const checkNames = (facts: PrometheusFacts): Finding[] => {
  const uses = [...usesOfRules(facts), ...(facts.dashboards ?? [])]
  const recorded = new Set(facts.rules.flatMap(({ type, name }) => (type === 'recording' ? [name] : [])))
  const isThere = (name: string) => facts.present.has(name) || OCCASIONAL.has(name) || recorded.has(name)
  const byName = Map.groupBy(
    uses.filter(({ name }) => !isThere(name)),
    ({ name }) => name,
  )
  const absent = [...byName.keys()]
  const excused = absent.filter((name) => isExcused(name, facts))
  const missing = absent.filter((name) => !excused.includes(name))
  return [
    ...(facts.dashboards === null
      ? [
          info(
            'prometheus.no_dashboards',
            'There is no such folder of dashboards: only the names in rules were looked for.',
          ),
        ]
      : []),
    ...(missing.length > 0 ? [sayMissing(missing, byName)] : []),
    ...(excused.length > 0 ? [sayExcused(excused)] : []),
    ...(absent.length === 0 && uses.length > 0
      ? [
          ok(
            'prometheus.names',
            `All ${countText(new Set(uses.map(({ name }) => name)).size)} metric names in rules and dashboards have data.`,
          ),
        ]
      : []),
  ]
}

/** Nothing is UP that could export it: that is told once, by the target or job that is missing. */
const isExcused = (name: string, { targets }: PrometheusFacts): boolean => {
  const isUp = (job: string) => targets.some((target) => target.job === job && target.health === 'up')
  const neighbour = Object.entries(NEIGHBOURS).find(([, pattern]) => pattern.test(name))
  if (neighbour !== undefined) return !isUp(neighbour[0])
  const owner = SERVICES.find((service) => name.startsWith(`${service}_`))
  if (owner !== undefined) return !isUp(`rust-${owner}`)
  return !SERVICES.some((service) => isUp(`rust-${service}`))
}

const sayMissing = (missing: readonly string[], byName: ReadonlyMap<string, readonly Use[]>): Finding => {
  const words = missing.map(
    (name) => `${name} (${someOf([...new Set((byName.get(name) ?? []).map(({ place }) => place))], 2)})`,
  )
  return warning(
    'prometheus.names',
    `${missing.length} metric names are used and exported by no target: ${someOf(words, 6)}.`,
    {
      why: 'Panels with them say "No data", and alerts on them never fire: the name was changed or mistyped, or an older build runs.',
      fix: `curl -s http://<service>/metrics | grep -i ${missing[0]?.split('_').slice(0, 2).join('_') ?? ''}   # its present name; all names: docs/metrics.md`,
    },
  )
}

const sayExcused = (names: readonly string[]): Finding =>
  info(
    'prometheus.names_unseen',
    `${names.length} metric names are of targets that are not UP here: ${someOf(names)}.`,
  )
