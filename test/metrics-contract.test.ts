/** Every service's declarations, held to the contract of names, to the rules, and to what a scrape shows at boot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKFILLER_METRICS } from '../src/backfiller/metrics.ts'
import { INDEXER_METRICS } from '../src/indexer/metrics.ts'
import { INGESTER_METRICS } from '../src/ingester/metrics.ts'
import { checkContract } from '../src/monitoring/contract.ts'
import { checkDeclarations, missingFromScrape } from '../src/monitoring/declarations.ts'
import { parseExposition } from '../src/monitoring/exposition.ts'
import { type MetricSpec, registerMetrics } from '../src/monitoring/metrics.ts'
import { commonMetrics, createRegistry, scrape } from '../src/monitoring/registry.ts'
import type { ServiceName } from '../src/monitoring/status.ts'

const DECLARATIONS: readonly (readonly [ServiceName, readonly MetricSpec[]])[] = [
  ['ingester', INGESTER_METRICS],
  ['backfiller', BACKFILLER_METRICS],
  ['indexer', INDEXER_METRICS],
]

for (const [service, specs] of DECLARATIONS) {
  const all = [...specs, ...Object.values(commonMetrics(service, '1.0.0', 'unknown'))]

  test(`the ${service} declares every metric of the contract with its type`, () => {
    assert.deepEqual(checkContract(service, specs), [])
  })

  test(`the declarations of the ${service} obey the rules`, () => {
    assert.deepEqual(checkDeclarations(all), [])
  })

  test(`every series of the ${service} is in a scrape at boot`, async () => {
    const registry = createRegistry(service, '1.0.0')
    // As declared: what is read at scrape time is read from stores, which a service's own tests have.
    const declared = specs.map(({ collect: _, ...spec }) => [spec.name, spec] as const)
    registerMetrics(registry, Object.fromEntries(declared))
    const { text, failures } = await scrape(registry)
    assert.deepEqual(failures, [])
    assert.deepEqual(missingFromScrape(text, all), [])
  })
}

/** Most series of one process with the streams and hosts of a default fleet; beyond 2,000 `TooManySeries` would fire. */
const BUDGET: Readonly<Record<ServiceName, number>> = { ingester: 500, backfiller: 450, indexer: 900 }

test('each service keeps its budget of series', async () => {
  for (const [service, specs] of DECLARATIONS) {
    const registry = createRegistry(service, '1.0.0')
    registerMetrics(registry, Object.fromEntries(specs.map(({ collect: _, ...spec }) => [spec.name, spec])))
    const count = parseExposition((await scrape(registry)).text).length
    assert.ok(count <= BUDGET[service], `${service}: ${count} series`)
  }
})

test('a name that several services declare means the same in all of them', () => {
  const seen = new Map<string, MetricSpec>()
  for (const spec of DECLARATIONS.flatMap(([, specs]) => specs)) {
    const other = seen.get(spec.name)
    if (other) assert.deepEqual([spec.type, spec.help], [other.type, other.help], spec.name)
    seen.set(spec.name, spec)
  }
})
