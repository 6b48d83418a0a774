/**
 * `node tools/draw-dashboards.ts [minutes]`: the pictures of docs/dashboards.md. Runs the services on the sandbox under a real
 * Prometheus for some minutes, asks it what each panel of monitoring/dashboards asks, and draws the JSON in Chromium.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { legendOf, type Line, type Span } from '../dashboards/drawing/data.ts'
import { pageOf } from '../dashboards/drawing/page.ts'
import { substitute } from '../dashboards/expression.ts'
import { sleep } from '../src/lib/backoff.ts'
import { committedDashboards, type GrafanaPanel, panelsWithData } from '../test/dashboards/grafana.ts'
import { startLive } from '../test/dashboards/live.ts'
import { chromiumBinary } from '../test/harness/services.ts'

/** Programs of tests are ended before the third minute is over. */
const MINUTES = Number(process.argv[2] ?? 2)
const LOAD = { accounts: 40, records: 20_000, ratePerSecond: 30 }
/** Seconds between two points. */
const STEP = 2
const images = new URL('../docs/images/', import.meta.url)

type Answer = {
  readonly data: {
    readonly result: readonly { metric: Record<string, string>; values: [number, string][] }[]
  }
}

const numberOf = (text: string): number => (text === '+Inf' ? Infinity : Number(text))

const linesOf = async (url: string, panel: GrafanaPanel, span: Span, job: string): Promise<Line[]> => {
  const asked = (panel.targets ?? []).map(async ({ expr, legendFormat }) => {
    const body = new URLSearchParams({
      query: substitute(expr.replaceAll('$job', job), '20s'),
      start: String(span.from),
      end: String(span.to),
      step: String(STEP),
    })
    const response = await fetch(`${url}/api/v1/query_range`, { method: 'POST', body })
    const { data } = (await response.json()) as Answer
    return data.result.map(({ metric, values }) => ({
      name: legendOf(legendFormat, metric),
      labels: metric,
      points: values.map(([at, value]) => [at, numberOf(value)] as const),
    }))
  })
  return (await Promise.all(asked)).flat()
}

const draw = async (browser: BrowserContext, url: string, span: Span): Promise<void> => {
  for (const dashboard of committedDashboards()) {
    const panels = panelsWithData(dashboard)
    const selected = dashboard.templating.list.find(({ name }) => name === 'job')?.current?.value[0] ?? ''
    const job = selected.startsWith('$') ? '.+' : selected
    const answers = new Map<number, Line[]>()
    for (const panel of panels) answers.set(panel.id, await linesOf(url, panel, span, job))
    const page = await browser.newPage()
    await page.setViewportSize({ width: 1456, height: 900 })
    await page.setContent(pageOf(dashboard, answers, span))
    const name = `dashboard-${dashboard.uid.replace('millrace-', '')}.png`
    await page.screenshot({ path: new URL(name, images).pathname, fullPage: true })
    await page.close()
    const empty = panels.filter(({ id }) => answers.get(id)?.length === 0).map(({ title }) => title)
    console.log(`${name}: ${panels.length} panels, without data: ${empty.join(', ') || 'none'}`)
  }
}

const folder = await mkdtemp(join(tmpdir(), 'millrace-draw-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rm(folder, { recursive: true, force: true }))
const browser = await chromium.launchPersistentContext(folder, {
  executablePath: await chromiumBinary(),
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
})
stack.defer(() => browser.close())
const { prometheus } = await startLive(stack, LOAD)
const from = Math.floor(Date.now() / 1000)
await sleep(MINUTES * 60_000)
await draw(browser, prometheus.url, { from, to: Math.floor(Date.now() / 1000) })
