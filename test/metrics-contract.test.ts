/** Every service's declarations, held to the contract of names, to the rules, and to what a scrape shows at boot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKFILLER_METRICS } from '../src/backfiller/metrics.ts'
import { INDEXER_METRICS } from '../src/indexer/metrics.ts'
import { INGESTER_METRICS } from '../src/ingester/metrics.ts'
import { checkContract } from '../src/monitoring/contract.ts'
import { checkDeclarations, missingFromScrape } from '../src/monitoring/declarations.ts'
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
    registerMetrics(registry, Object.fromEntries(specs.map((spec) => [spec.name, spec])))
    const { text, failures } = await scrape(registry)
    assert.deepEqual(failures, [])
    assert.deepEqual(missingFromScrape(text, all), [])
  })
}

test('a name that several services declare means the same in all of them', () => {
  const seen = new Map<string, MetricSpec>()
  for (const spec of DECLARATIONS.flatMap(([, specs]) => specs)) {
    const other = seen.get(spec.name)
    if (other) assert.deepEqual([spec.type, spec.help], [other.type, other.help], spec.name)
    seen.set(spec.name, spec)
  }
})
