/**
 * `npm run docs`: writes every file that is made from a declaration: pages, rules, dashboards. With `--check` it writes nothing
 * and exits 3 when a file is out of step with what it is made from.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DASHBOARD_FILES } from '../dashboards/index.ts'
import { BACKFILLER_METRICS } from '../src/backfiller/metrics.ts'
import { configurationPage } from '../src/cli/config/page.ts'
import { INDEXER_METRICS } from '../src/indexer/metrics.ts'
import { INGESTER_METRICS } from '../src/ingester/metrics.ts'
import { EXIT } from '../src/lib/errors.ts'
import { productionClock } from '../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../src/monitoring/alerts/index.ts'
import { metricsPage } from '../src/monitoring/docs.ts'
import { alertsPage, type DrillResults } from './alerts-page.ts'
import { ruleFiles } from './rules.ts'

const rules = ruleGroups(productionClock)

/** Written by the drills; absent until the first. */
const drills = (): DrillResults => {
  const file = new URL('../docs/drills.json', import.meta.url)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DrillResults) : []
}

const FILES: Readonly<Record<string, () => string>> = {
  ...DASHBOARD_FILES,
  'docs/configuration.md': configurationPage,
  'docs/metrics.md': () =>
    metricsPage({ ingester: INGESTER_METRICS, backfiller: BACKFILLER_METRICS, indexer: INDEXER_METRICS }),
  'docs/alerts.md': () => alertsPage(rules, drills()),
  ...Object.fromEntries(
    [...ruleFiles(rules, productionClock)].map(([name, text]) => [`monitoring/rules/${name}`, () => text]),
  ),
}

const root = new URL('../', import.meta.url)

const current = async (url: URL): Promise<string | null> => readFile(url, 'utf8').catch(() => null)

/** Pages whose file differs from what the table says, with the new text. */
const stale = async (): Promise<{ name: string; url: URL; text: string }[]> => {
  const pages = Object.entries(FILES).map(([name, make]) => ({
    name,
    url: new URL(name, root),
    text: make(),
  }))
  const texts = await Promise.all(pages.map((page) => current(page.url)))
  return pages.filter((page, i) => texts[i] !== page.text)
}

const pages = await stale()
if (process.argv.includes('--check')) {
  for (const { name } of pages) process.stderr.write(`${name} is out of step: run \`npm run docs\`.\n`)
  process.exitCode = pages.length === 0 ? EXIT.ok : EXIT.negative
} else {
  for (const { url, text } of pages) {
    await mkdir(dirname(fileURLToPath(url)), { recursive: true })
    await writeFile(url, text)
  }
}
