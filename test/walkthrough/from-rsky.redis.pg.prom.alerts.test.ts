/** docs/from-rsky.md: what an operator of rsky has to change in Prometheus and Grafana is nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askFor, untilTrue } from '../../tools/walkthrough/ask.ts'
import { type Fleet, openFleet } from '../../tools/walkthrough/fleet.ts'
import { stir } from '../../tools/walkthrough/stir.ts'
import { sleep } from '../../src/lib/backoff.ts'
import { needs } from '../harness/services.ts'
import { RSKY_CONFIG, RSKY_PANELS } from './rsky-dashboard.ts'

const NEEDS = { ...needs('redis', 'pg', 'prom', 'alerts'), timeout: 290_000 }
const LONGEST_MS = 60_000

/** Panels that show a viewer nothing, when everything has had the time to be scraped twice. */
const emptyPanels = async (fleet: Fleet): Promise<readonly string[]> => {
  const deadline = Date.now() + LONGEST_MS
  let open = Object.entries(RSKY_PANELS).flatMap(([title, asks]) => asks.map((ask) => [title, ask] as const))
  while (open.length > 0 && Date.now() < deadline) {
    const left: typeof open = []
    for (const one of open) {
      const series = await askFor(fleet, one[1])
      if (!series.some(({ value }) => !Number.isNaN(value))) left.push(one)
    }
    open = left
    if (open.length > 0) await sleep(1_000)
  }
  return open.map(([title, ask]) => `${title}: ${ask}`)
}

test(
  'the panels of the rsky dashboards show our services under the configuration made for rsky',
  NEEDS,
  async () => {
    await using fleet = await openFleet(() => RSKY_CONFIG)
    await stir(fleet)
    assert.deepEqual(await emptyPanels(fleet), [])
    await untilTrue(fleet, 'sum(ingester_errors_total)')

    // The target's label wins, the metric's own gets another name, and no series is lost by it.
    const [error] = await askFor(fleet, 'ingester_errors_total{exported_type="connection_failed"}')
    assert.equal(error?.labels['type'], 'rust')
    const kinds = await askFor(fleet, 'count(ingester_errors_total)')
    assert.equal(kinds[0]?.value, 9)
  },
)
