/** Joins the judgements about a Prometheus. */
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { answerTimeoutMs, type Patient } from '../patient.ts'
import { secondsText } from '../words.ts'
import { readPrometheus, type PrometheusFacts } from './facts.ts'
import { checkNames } from './names.ts'
import { checkRules } from './rules.ts'
import { checkTargets } from './targets.ts'

export const examinePrometheus = async ({ settings, signal }: Patient): Promise<Finding[]> => {
  if (settings.prometheus === null) return [notNamed()]
  const facts = await readPrometheus({
    url: settings.prometheus,
    dashboards: settings.dashboards,
    timeoutMs: answerTimeoutMs(settings),
    signal,
  })
  return facts.failure === null ? checkPrometheus(facts) : [unreachable(facts)]
}

export const checkPrometheus = (facts: PrometheusFacts): Finding[] => [
  ok('prometheus.answers', `Prometheus ${facts.version} answers.`),
  ...checkTargets(facts),
  ...checkRules(facts),
  ...checkNames(facts),
  ...checkItself(facts),
]

const notNamed = (): Finding =>
  info('prometheus.not_named', 'No Prometheus was named.', {
    why: 'Targets, rules, alerts and the metric names of dashboards were not looked at.',
    fix: 'millrace doctor --prometheus http://localhost:9090',
  })

const unreachable = ({ url, failure }: PrometheusFacts): Finding =>
  error('prometheus.unreachable', `Prometheus at ${url} cannot be asked: ${failure ?? ''}.`, {
    why: 'Nothing is recorded and no alert fires; Grafana shows "No data".',
    fix: `curl -v ${url}/-/ready   # then: docker ps | grep prometheus, and its log`,
  })

const checkItself = ({ reloadFailed, storedSeconds, clockSkewSeconds, url }: PrometheusFacts): Finding[] => [
  ...(reloadFailed
    ? [
        error('prometheus.reload', 'Its last reload of prometheus.yml failed: it runs on the one before.', {
          why: 'Targets and rules that were added since are not there.',
          fix: 'promtool check config prometheus.yml',
        }),
      ]
    : []),
  ...(storedSeconds !== null && storedSeconds < 3_600
    ? [
        info('prometheus.young', `It has data of the last ${secondsText(storedSeconds)} only.`, {
          why: 'A dashboard with a longer or an earlier time range says "No data" there.',
          fix: 'choose "Last 15 minutes" in Grafana',
        }),
      ]
    : []),
  ...(Math.abs(clockSkewSeconds) > 5
    ? [
        warning(
          'prometheus.clock',
          `Its clock differs from the one here by ${secondsText(Math.abs(clockSkewSeconds))}.`,
          {
            why: 'A dashboard asks for times by the clock of the browser: the newest data is missing, and ages are wrong.',
            fix: `timedatectl set-ntp true   # on the machine of ${url}`,
          },
        ),
      ]
    : []),
]
