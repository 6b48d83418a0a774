/** Every panel shows something: on services at work a figure, and on services with nothing to do still a series and not "No data". */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { substitute } from '../../dashboards/expression.ts'
import { needs } from '../harness/services.ts'
import type { Prometheus, Series } from '../monitoring/prometheus.ts'
import { until } from '../e2e/until.ts'
import { committedDashboards, targetsIn } from './grafana.ts'
import { IDLE, type Load, startLive } from './live.ts'

const expressions = (): string[] => [
  ...new Set(
    committedDashboards().flatMap((dashboard) =>
      targetsIn(dashboard).map(({ target }) => substitute(target.expr, '30s')),
    ),
  ),
]

type Judge = (series: readonly Series[]) => boolean

/** Asks again and again whatever has no answer yet; what is left when time is over is what a viewer would miss. */
const unanswered = async (prometheus: Prometheus, isAnswer: Judge): Promise<readonly string[]> => {
  let open = expressions()
  const ask = async (expr: string) => ({ expr, isAnswered: isAnswer(await prometheus.query(expr)) })
  await until(
    'every panel has data',
    async () => {
      const answers: { expr: string; isAnswered: boolean }[] = []
      for (const expr of open) answers.push(await ask(expr))
      open = answers.filter(({ isAnswered }) => !isAnswered).map(({ expr }) => expr)
      return open.length === 0 ? true : null
    },
    { why: () => open, everyMs: 500, longestMs: 90_000 },
  ).catch(() => {})
  return open
}

const live = async (load: Load, isAnswer: Judge): Promise<readonly string[]> => {
  await using stack = new AsyncDisposableStack()
  const { prometheus } = await startLive(stack, load)
  return unanswered(prometheus, isAnswer)
}

test('every panel has figures when the services are at work', needs('redis', 'pg', 'prom'), async () => {
  const load = { accounts: 60, records: 60_000, ratePerSecond: 100 }
  assert.deepEqual(await live(load, (series) => series.some(({ value }) => !Number.isNaN(value))), [])
})

test(
  'no panel says "No data" when the services have nothing to do',
  needs('redis', 'pg', 'prom'),
  async () => {
    assert.deepEqual(await live(IDLE, (series) => series.length > 0), [])
  },
)
