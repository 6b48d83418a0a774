/** The console in a real Chromium, at the size of a phone and of a desk. MILLRACE_SCREENSHOT=path keeps a picture of it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { chromiumBinary, needs } from '../../test/harness/services.ts'
import { newScene, type Scene, sourcesOf } from '../../test/monitoring/scene.ts'
import { createRegistry } from './registry.ts'
import { type MonitoringServer, serveMonitoring } from './http.ts'
import type { StatusSource } from './status.ts'

const LAUNCH = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const PHONE = { width: 375, height: 740 }
const DESK = { width: 1280, height: 900 }

/** Where to keep pictures, if somebody wants them. */
const PICTURE = process.env['MILLRACE_SCREENSHOT']
const keepPicture = async (page: Page, suffix: string): Promise<void> => {
  if (PICTURE) await page.screenshot({ path: PICTURE.replace(/(\.png)?$/, `${suffix}.png`), fullPage: true })
}

let folder = ''
let browser: BrowserContext | undefined
let server: MonitoringServer | undefined
let scene = newScene()
const options = needs('browser')

before(async () => {
  if (options.skip) return
  folder = await mkdtemp(join(tmpdir(), 'millrace-console-'))
  browser = await chromium.launchPersistentContext(folder, {
    executablePath: await chromiumBinary(),
    headless: true,
    args: LAUNCH,
  })
  const current = (index: number): StatusSource => ({
    status: () => sourcesOf(scene)[index]?.status() ?? Promise.reject(new Error('no such source')),
    health: () => sourcesOf(scene)[index]?.health() ?? Promise.reject(new Error('no such source')),
  })
  const sources = [current(0), current(1), current(2)]
  const registry = createRegistry('ingester', '0.1.0')
  server = await serveMonitoring({ port: 0, host: '127.0.0.1', registry, source: current(0), sources })
})

after(async () => {
  await browser?.close()
  await server?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

/** Opens the console with a clock of our own: ten minutes of it pass as fast as the page can draw. */
const open = async (size: { width: number; height: number }, dark = false) => {
  assert.ok(browser && server)
  scene = newScene()
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url())
    if (protocol !== 'data:' && host !== `127.0.0.1:${server?.port}`) complaints.push(`asked ${host}`)
  })
  await page.setViewportSize(size)
  await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
  await page.goto(`http://127.0.0.1:${server.port}/`)
  return { page, complaints }
}

const pathOf = (page: Page, panel: string, series: string) =>
  page.locator(`#${panel} path[data-series="${series}"]`).first().getAttribute('d')

const scrollsSideways = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')

for (const [name, size] of Object.entries({ phone: PHONE, desk: DESK })) {
  test(`the console draws all four plots and moves them, on a ${name}`, options, async () => {
    const { page, complaints } = await open(size)
    await page.getByText('All is well').waitFor()
    const series = 'ingester events received'
    await page.locator(`#throughput path[data-series="${series}"][d*="L"]`).waitFor({ state: 'attached' })
    const first = await pathOf(page, 'throughput', series)
    await page
      .locator(`#throughput path[data-series="${series}"]:not([d="${first}"])`)
      .waitFor({ state: 'attached' })
    for (const [panel, drawn] of [
      ['lengths', 'firehose_live'],
      ['lag', 'repo_backfill'],
      ['errors', 'indexer errors'],
    ] as const) {
      assert.equal(await page.locator(`#${panel} path[data-series="${drawn}"]`).count(), 1, panel)
    }
    assert.equal(await page.locator('#services article').count(), 3)
    assert.match((await page.locator('#upstreams').textContent()) ?? '', /mod\.bsky\.app.*2 reconnects/)
    assert.match((await page.locator('#streams').textContent()) ?? '', /repo_backfill/)
    assert.equal(await scrollsSideways(page), false)
    assert.deepEqual(complaints, [])
    await page.close()
  })
}

test('what is wrong is said first, in words, with what to do', options, async () => {
  const { page, complaints } = await open(PHONE, true)
  await page.getByText('All is well').waitFor()
  scene.health = { live: true, ready: false, reasons: ['PostgreSQL has not answered for 40 s.'] }
  scene.indexer = {
    ...scene.indexer,
    totals: { ...scene.indexer.totals, errors: 7 },
    problems: [
      {
        at: new Date().toISOString(),
        severity: 'error',
        what: 'PostgreSQL refuses connections: <b>too many clients</b>.',
        todo: 'Raise max_connections, or lower DB_POOL_SIZE.',
      },
    ],
  }
  await page.getByText('Not working: indexer').waitFor()
  await page.locator('#findings').getByText('PostgreSQL has not answered for 40 s.').waitFor()
  await page.locator('#findings').getByText('Raise max_connections').waitFor()
  const problems = (await page.locator('#problems').textContent()) ?? ''
  assert.match(problems, /refuses connections: <b>too many clients<\/b>/, 'a status is text, never markup')
  assert.match(problems, /Raise max_connections/)
  assert.match(await page.title(), /Not working: indexer/)
  await keepPicture(page, '-trouble')
  assert.equal(await scrollsSideways(page), false)
  assert.deepEqual(complaints, [])
  await page.close()
})

test('a process that answers no more is said to be gone, and what it said last stays', options, async () => {
  const { page } = await open(PHONE)
  await page.getByText('All is well').waitFor()
  await page.route('**/status/all', (route) => route.abort())
  await page.getByText('No answer from Millrace').waitFor()
  assert.match((await page.locator('#findings').textContent()) ?? '', /Last answer at \d\d:\d\d:\d\d/)
  assert.equal(await page.locator('#services article').count(), 3)
  await page.unroute('**/status/all')
  await page.getByText('All is well').waitFor()
  await page.close()
})

const LOOKS = 300

/** Ten minutes of looks, two seconds apart by the page's clock and by what it is told. */
const passTenMinutes = async (page: Page, shown: Scene): Promise<void> => {
  const begin = Date.now() - LOOKS * 2_000
  await page.clock.install({ time: begin })
  await page.route('**/status/all', async (route) => {
    const sources = sourcesOf(shown)
    const services = await Promise.all(
      sources.map(async (source) => ({ status: await source.status(), health: await source.health() })),
    )
    await route.fulfill({ json: { at: new Date(begin + shown.looks * 2_000).toISOString(), services } })
  })
  await page.reload()
  for (let look = 1; look < LOOKS; look += 1) {
    const answered = page.waitForResponse('**/status/all')
    await page.clock.runFor(2_000)
    await answered
    if (look === 170) shown.ingester = { ...shown.ingester, totals: { ...shown.ingester.totals, errors: 3 } }
  }
}

const skip = options.skip ?? (PICTURE === undefined ? 'MILLRACE_SCREENSHOT=path.png makes one' : false)
test('a picture of the console after ten minutes', { skip }, async () => {
  const views = [
    ['', DESK, false],
    ['-dark', DESK, true],
    ['-phone', PHONE, false],
  ] as const
  for (const [suffix, size, dark] of views) {
    const { page } = await open(size, dark)
    await passTenMinutes(page, scene)
    await keepPicture(page, suffix)
    await page.close()
  }
})
