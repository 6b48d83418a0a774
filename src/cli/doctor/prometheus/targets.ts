/**
 * Judges targets: which are missing, which are DOWN, and why. The three steps a person would take for a target that is DOWN
 * (is the process there, does the endpoint answer, is the network between) are taken from here. Pure.
 */
import { error, ok, warning, type Finding } from '../finding.ts'
import { isAnswer } from '../http.ts'
import { parseScrape } from '../scrape.ts'
import { secondsText, someOf } from '../words.ts'
import type { PrometheusFacts, Target } from './facts.ts'

const JOBS = ['rust-ingester', 'rust-backfiller', 'rust-indexer', 'prometheus'] as const

export const checkTargets = ({ targets }: PrometheusFacts): Finding[] => {
  const down = targets.filter(({ health }) => health === 'down')
  const up = targets.filter(({ health }) => health === 'up')
  return [
    ...down.map(sayDown),
    ...checkJobs(targets),
    ...checkAge(up),
    ...(up.length > 0
      ? [ok('prometheus.targets', `${up.length} targets are UP: ${someOf(up.map(nameOf), 8)}.`)]
      : []),
  ]
}

const nameOf = ({ job, instance }: Target): string => `${job} ${instance}`

const sayDown = (target: Target): Finding => {
  const { conclusion, fix } = conclude(target)
  return error('prometheus.target_down', `${nameOf(target)} is DOWN: ${target.lastError}`, {
    why: conclusion,
    fix,
  })
}

const conclude = ({ scrapeUrl, fromHere }: Target): { conclusion: string; fix: string } => {
  if (fromHere === null) return { conclusion: 'Its figures are missing.', fix: `curl -v ${scrapeUrl}` }
  if (isAnswer(fromHere)) return ofAnswer(scrapeUrl, fromHere.status, fromHere.text)
  const { hostname, port } = new URL(scrapeUrl)
  switch (fromHere.kind) {
    case 'refused':
      return {
        conclusion: `Process: none listens on port ${port} of ${hostname}. It is not started, has ended, or listens on another port or address.`,
        fix: `docker ps -a | grep ${hostname}   # or: systemctl status, ss -ltnp | grep ${port}; then its log`,
      }
    case 'name':
      return {
        conclusion: `Process and endpoint cannot be asked from here: the name ${hostname} means something only in the network of Prometheus (compose, Kubernetes), or nowhere.`,
        fix: `docker ps | grep ${hostname}; docker exec prometheus wget -qO- ${scrapeUrl} | head`,
      }
    case 'silent':
      return {
        conclusion: 'Network or process: nothing comes back. A firewall swallows it, or the process hangs.',
        fix: `curl -m 10 -v ${scrapeUrl}   # on the machine of the service itself; answers there: it is the network`,
      }
    case 'other':
      return { conclusion: `Endpoint: ${fromHere.reason}.`, fix: `curl -v ${scrapeUrl}` }
  }
}

const ofAnswer = (scrapeUrl: string, status: number, text: string): { conclusion: string; fix: string } => {
  if (status !== 200)
    return {
      conclusion: `Process: there. Endpoint: answers ${status}. Another program has this port, or the path is another.`,
      fix: `curl -v ${scrapeUrl}   # then correct targets or metrics_path in prometheus.yml`,
    }
  const { samples, unreadable } = parseScrape(text)
  if (samples.length === 0 || unreadable.length > 0)
    return {
      conclusion: `Process: there. Endpoint: answers something that is not metrics (${unreadable[0] ?? 'nothing'}).`,
      fix: `curl -s ${scrapeUrl} | promtool check metrics`,
    }
  const { hostname, port } = new URL(scrapeUrl)
  return {
    conclusion: `Process: there. Endpoint: answers from here with ${samples.length} series. Network: the way from Prometheus to ${hostname}:${port} is closed, or it has not scraped since the service came back.`,
    fix: `docker exec prometheus wget -qO- ${scrapeUrl} | head   # are both in the same network?`,
  }
}

const checkJobs = (targets: readonly Target[]): Finding[] =>
  JOBS.filter((job) => targets.every((target) => target.job !== job)).map((job) =>
    warning('prometheus.job_missing', `No target has the job ${job}.`, {
      why: 'Dashboards and alerts select by this name: its panels say "No data", and its alerts never fire.',
      fix: `add the job ${job} to prometheus.yml as in monitoring/prometheus.yml, then: curl -X POST <prometheus>/-/reload, or restart it`,
    }),
  )

const secondsOf = (interval: string): number => {
  const [, count = '15', unit = 's'] = /^(\d+)(ms|s|m|h)/.exec(interval) ?? []
  return Number(count) * ({ ms: 0.001, s: 1, m: 60, h: 3_600 }[unit] ?? 1)
}

/** "Check Prometheus has scraped the target recently": beyond three rounds and the default timeout it has stopped. */
const checkAge = (up: readonly Target[]): Finding[] =>
  up.flatMap((target) => {
    const age = (Date.now() - Date.parse(target.lastScrape)) / 1_000
    return !(age > 3 * secondsOf(target.interval) + 10)
      ? []
      : [
          warning(
            'prometheus.scrape_age',
            `${nameOf(target)} was scraped ${secondsText(age)} ago, not every ${target.interval}.`,
            {
              why: 'Panels end before now, and alerts see old figures. Prometheus is overloaded, or the clocks differ.',
              fix: 'look at prometheus_target_interval_length_seconds and at the load of the machine of Prometheus',
            },
          ),
        ]
  })
