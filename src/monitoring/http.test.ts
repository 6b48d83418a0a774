import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { EXIT, SetupError } from '../lib/errors.ts'
import { serveMonitoring } from './http.ts'
import { registerMetrics } from './metrics.ts'
import { createRegistry } from './registry.ts'
import type { Health, ServiceName, ServiceStatus, StatusSource } from './status.ts'

const HEALTHY: Health = { live: true, ready: true, reasons: [] }
const statusOf = (service: ServiceName): ServiceStatus => ({
  service,
  version: '1.0.0',
  store: 'embedded',
  startedAt: '2026-01-01T00:00:00.000Z',
  upstreams: [],
  streams: [],
  totals: { eventsReceived: 5 },
  problems: [],
})
const sourceOf = (
  service: ServiceName,
  over: Partial<ServiceStatus> = {},
  health = HEALTHY,
): StatusSource => ({
  status: async () => ({ ...statusOf(service), ...over }),
  health: async () => health,
})

const serve = async (source: StatusSource, more: Partial<Parameters<typeof serveMonitoring>[0]> = {}) => {
  const registry = createRegistry('ingester', '1.0.0')
  const server = await serveMonitoring({ port: 0, host: '127.0.0.1', registry, source, ...more })
  const url = `http://127.0.0.1:${server.port}`
  return { ...server, url, registry, get: (path: string, init?: RequestInit) => fetch(url + path, init) }
}

test('/metrics answers in the text format with its content type', async () => {
  const server = await serve(sourceOf('ingester'))
  const response = await server.get('/metrics')
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.match(await response.text(), /^build_info\{service="ingester"/m)
  await server.close()
})

test('a metric that cannot be read leaves the rest of the scrape standing', async () => {
  const server = await serve(sourceOf('ingester'))
  const collect = () => Promise.reject(new Error('away'))
  registerMetrics(server.registry, {
    bad: { name: 'demo_bad', type: 'gauge', help: 'Never readable.', cause: 'nothing', collect },
  })
  await server.get('/metrics')
  const response = await server.get('/metrics')
  const text = await response.text()
  assert.equal(response.status, 200)
  assert.match(text, /^monitoring_collect_errors_total [12]$/m)
  assert.doesNotMatch(text, /demo_bad/)
  await server.close()
})

test('a scrape tells whether the service is ready, and of itself how many series and how long', async () => {
  let ready = true
  const source: StatusSource = {
    ...sourceOf('ingester'),
    health: async () => ({ live: true, ready, reasons: [] }),
  }
  const server = await serve(source)
  const first = await (await server.get('/metrics')).text()
  assert.match(first, /^service_ready 1$/m)
  assert.match(first, /^monitoring_series 0$/m)
  ready = false
  const second = await (await server.get('/metrics')).text()
  assert.match(second, /^service_ready 0$/m)
  assert.match(second, /^monitoring_scrape_seconds_count [1-9]/m)
  const told = Number(second.match(/^monitoring_series (\d+)$/m)?.[1])
  assert.equal(told, first.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length)
  await server.close()
})

/**
 * Scrapes as Prometheus does, from a thread of its own while this one stands still, and only goes on once there is an answer: what comes then
 * cannot have come from here. `afterMs` is how long this thread has been standing when it asks.
 */
const askedMeanwhile = async (url: string, afterMs: number, patienceMs: number): Promise<string | null> => {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const asker = new Worker(
    `const { parentPort, workerData: { url, afterMs, patienceMs, flag } } = require('node:worker_threads')
    setTimeout(async () => {
      const headers = { 'X-Prometheus-Scrape-Timeout-Seconds': '10' }
      const signal = AbortSignal.timeout(patienceMs)
      const asked = fetch(url, { headers, signal }).then((response) => response.text())
      parentPort.postMessage(await asked.catch(() => null))
      Atomics.store(flag, 0, 1)
      Atomics.notify(flag, 0)
    }, afterMs)`,
    { eval: true, execArgv: [], workerData: { url, afterMs, patienceMs, flag } },
  )
  const said = once(asker, 'message')
  Atomics.wait(flag, 0, 0, afterMs + patienceMs + 30_000)
  const [answer] = (await said) as [string | null]
  await asker.terminate()
  return answer
}

test('a service that is busy is scraped all the same: it tells what it read before, and how old that is', async () => {
  const server = await serve(sourceOf('ingester'))
  const before = await (await server.get('/metrics')).text()
  const told = (await askedMeanwhile(`${server.url}/metrics`, 100, 9_000)) ?? ''
  const age = (body: string) => Number(/^monitoring_figures_age_seconds (\S+)$/m.exec(body)?.[1])
  assert.ok(age(told) >= 0.1, `${age(told)} s`)
  assert.ok(age(told) > age(before))
  assert.equal(
    told.replace(/^monitoring_figures_age.*$/m, ''),
    before.replace(/^monitoring_figures_age.*$/m, ''),
  )
  await server.close()
})

test('figures of more than ten seconds ago are not told: a service that stands still looks like one that is down', async () => {
  const server = await serve(sourceOf('ingester'))
  await (await server.get('/metrics')).text()
  assert.equal(await askedMeanwhile(`${server.url}/metrics`, 10_100, 500), null)
  assert.equal((await server.get('/metrics')).status, 200)
  await server.close()
})

test('what is refused at /metrics is not told to a scraper', async () => {
  const server = await serve(sourceOf('ingester'))
  assert.equal((await server.get('/metrics', { method: 'POST' })).status, 405)
  assert.equal(await askedMeanwhile(`${server.url}/metrics`, 0, 300), null)
  await server.close()
})

test('whoever is not Prometheus is told what is true now', async () => {
  const server = await serve(sourceOf('ingester'))
  let value = 0
  registerMetrics(server.registry, {
    figure: { name: 'demo', type: 'gauge', help: 'A figure.', cause: 'us', collect: () => value },
  })
  for (; value < 5; value++) {
    assert.match(await (await server.get('/metrics')).text(), new RegExp(`^demo ${value}$`, 'm'))
  }
  await server.close()
})

test('health answers are 200 or 503 with the reasons', async () => {
  const health: Health = { live: true, ready: false, reasons: ['Redis does not answer.'] }
  const server = await serve(sourceOf('ingester', {}, health))
  const [live, ready] = await Promise.all([server.get('/healthz'), server.get('/readyz')])
  assert.equal(live.status, 200)
  assert.equal(ready.status, 503)
  assert.deepEqual(await ready.json(), { ready: false, reasons: ['Redis does not answer.'] })
  await live.text()
  await server.close()
})

test('a source that throws is unhealthy, not a broken server', async () => {
  const broken: StatusSource = {
    status: () => Promise.reject(new Error('no idea')),
    health: () => Promise.reject(new Error('no pulse')),
  }
  const server = await serve(broken)
  for (const path of ['/healthz', '/readyz', '/status', '/_health']) {
    const response = await server.get(path)
    assert.equal(response.status, 503, path)
    await response.text()
  }
  const { services } = (await (await server.get('/status/all')).json()) as {
    services: [{ status: null; health: Health }]
  }
  assert.equal(services[0].status, null)
  assert.match(services[0].health.reasons.join(' '), /no idea.*no pulse/)
  await server.close()
})

test('/status is the own service, /status/all every service of the process', async () => {
  const [ingester, indexer] = [sourceOf('ingester'), sourceOf('indexer')]
  const server = await serve(indexer, { sources: [ingester, indexer] })
  const own = (await (await server.get('/status')).json()) as ServiceStatus
  assert.deepEqual(own, statusOf('indexer'))
  const all = (await (await server.get('/status/all')).json()) as {
    services: { status: ServiceStatus; health: Health }[]
  }
  assert.deepEqual(
    all.services.map(({ status, health }) => [status.service, health.live]),
    [
      ['ingester', true],
      ['indexer', true],
    ],
  )
  await server.close()
})

test("/_health speaks wintermute's words: lag from the last event, queue from the streams, null when unknown", async () => {
  const stream = { oldestAgeSeconds: 0, highWaterMark: null, length: 9 }
  const streams = [
    { ...stream, stream: 'firehose_live', group: 'firehose_group', lag: 4, pending: 2 },
    { ...stream, stream: 'label_live', group: 'firehose_group', lag: 1, pending: 0 },
  ]
  const server = await serve(sourceOf('ingester'), {
    sources: [sourceOf('ingester'), sourceOf('indexer', { streams })],
  })
  const lastEvent = registerMetrics(server.registry, {
    time: {
      name: 'ingester_last_event_time_seconds',
      type: 'gauge',
      help: 'Time of the last event.',
      cause: 'an event',
    },
  })
  const before = await (await server.get('/_health')).json()
  assert.deepEqual(before, { status: 'ok', ingestLagSeconds: null, indexerQueueLength: 7 })
  lastEvent.time.set(Date.now() / 1000 + 3600)
  const ahead = (await (await server.get('/_health')).json()) as { ingestLagSeconds: number }
  assert.equal(ahead.ingestLagSeconds, 0, 'a clock that runs ahead is clamped')
  await server.close()

  const unknown = [{ ...stream, stream: 'firehose_live', group: 'firehose_group', lag: null, pending: 2 }]
  const other = await serve(sourceOf('indexer', { streams: unknown }))
  const answer = (await (await other.get('/_health')).json()) as { indexerQueueLength: number | null }
  assert.equal(answer.indexerQueueLength, null)
  await other.close()
})

test('while the process stops it is alive and not ready', async () => {
  const stopping = new AbortController()
  const server = await serve(sourceOf('ingester'), { stopping: stopping.signal })
  stopping.abort()
  const answers = await Promise.all(['/healthz', '/readyz', '/_health'].map((path) => server.get(path)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 503, 503],
  )
  await Promise.all(answers.map((answer) => answer.text()))
  await server.close()
})

test('HEAD has headers and no body, other methods are refused, unknown paths name the known ones', async () => {
  const server = await serve(sourceOf('ingester'))
  const head = await server.get('/metrics', { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.ok(Number(head.headers.get('content-length')) > 100)
  assert.equal(await head.text(), '')
  const post = await server.get('/metrics', { method: 'POST', body: 'x' })
  assert.equal(post.status, 405)
  assert.equal(post.headers.get('allow'), 'GET, HEAD')
  await post.text()
  for (const path of ['/nothing', '/constructor', '//', '/__proto__']) {
    const response = await server.get(path)
    assert.equal(response.status, 404, path)
    assert.match(await response.text(), /\/metrics/)
  }
  assert.equal((await server.get('/healthz?probe=1')).status, 200)
  await server.close()
})

test('a taken port stops the start and names the setting to change', async () => {
  const first = await serve(sourceOf('ingester'))
  const setting = '--ingester-metrics-port (INGESTER_METRICS_PORT)'
  await assert.rejects(serve(sourceOf('indexer'), { port: first.port, portSetting: setting }), (error) => {
    assert.ok(error instanceof SetupError)
    assert.equal(error.exitCode, EXIT.cannotCreate)
    assert.match(error.message, new RegExp(`127.0.0.1:${first.port} is already taken`))
    assert.ok(error.remedy.includes(setting))
    return true
  })
  await first.close()
})

test('an address that is not of this machine stops the start too', async () => {
  await assert.rejects(serve(sourceOf('ingester'), { host: '192.0.2.1' }), (error) => {
    assert.ok(error instanceof SetupError)
    assert.equal(error.exitCode, EXIT.cannotCreate)
    assert.match(error.message, /not an address of this machine/)
    return true
  })
})

test('close ends although a client keeps its connection open, and may be called twice', async () => {
  const server = await serve(sourceOf('ingester'))
  const idle = connect(server.port, '127.0.0.1')
  const ended = new Promise((resolve) => idle.once('close', resolve))
  await new Promise((resolve) => idle.once('connect', resolve))
  await Promise.all([server.close(), server.close()])
  await ended
  await assert.rejects(fetch(server.url))
})
