/** Every panel shows something: on services at work a figure, and on services with nothing to do still a series and not "No data". */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { substitute } from '../../dashboards/expression.ts'
import { needs } from '../harness/services.ts'
import type { Prometheus, Series } from '../monitoring/prometheus.ts'
import { sleep } from '../../src/lib/backoff.ts'
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

/** Long enough for recorded series, which need two evaluations of what they read. */
const LONGEST_MS = 90_000

/** Asks again and again whatever has no answer yet; what is left when time is over is what a viewer would miss. */
const unanswered = async (prometheus: Prometheus, isAnswer: Judge): Promise<readonly string[]> => {
  const deadline = Date.now() + LONGEST_MS
  let open = expressions()
  while (open.length > 0 && Date.now() < deadline) {
    const left: string[] = []
    for (const expr of open) if (!isAnswer(await prometheus.query(expr))) left.push(expr)
    open = left
    await sleep(500)
  }
  return open
}

const live = async (load: Load, isAnswer: Judge): Promise<readonly string[]> => {
  await using stack = new AsyncDisposableStack()
  const { prometheus } = await startLive(stack, load)
  // Awaited here: the stack ends everything when this function does.
  return await unanswered(prometheus, isAnswer)
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
