/** What one metrics address says: its four pages, and its metrics a second time a moment later. */
import { sleep } from '../../../lib/backoff.ts'
import { CONTRACT } from '../../../monitoring/contract.ts'
import type { ServiceName, ServiceStatus } from '../../../monitoring/status.ts'
import { ask, isAnswer, type Asked, type AskOptions } from '../http.ts'
import { SAMPLE_MS } from '../sampling.ts'
import { parseScrape, type Sample, type Scraped } from '../scrape.ts'

type Page = { readonly status: number; readonly reasons: readonly string[] }

export type ServiceFacts = {
  readonly url: string
  readonly metrics: Asked
  readonly scraped: Scraped
  /** The same metrics `SAMPLE_MS` later; empty when they were not there the first time. */
  readonly later: readonly Sample[]
  /** Null for anything that is not one of the three services. */
  readonly kind: ServiceName | null
  /** Null for services of another make: rsky's have metrics and nothing else. */
  readonly status: ServiceStatus | null
  readonly health: Page | null
  readonly ready: Page | null
}

export const readServices = (urls: readonly string[], options: AskOptions): Promise<ServiceFacts[]> =>
  Promise.all(urls.map((url) => readService(url.replace(/\/+$/, ''), options)))

/** Whom the services follow and list, told at once: who needs only this need not wait for the second reading. */
export const readUpstreamHosts = async (urls: readonly string[], options: AskOptions): Promise<string[]> => {
  const pages = await Promise.all(urls.map((url) => ask(`${url.replace(/\/+$/, '')}/status`, options)))
  const upstreams = pages.flatMap((page) => statusOf(page)?.upstreams ?? [])
  const known = upstreams.filter(({ kind }) => ['firehose', 'labels', 'repos'].includes(kind))
  return [...new Set(known.map(({ host }) => host))]
}

const readService = async (url: string, options: AskOptions): Promise<ServiceFacts> => {
  const metrics = await ask(`${url}/metrics`, options)
  if (!isAnswer(metrics)) return absent(url, metrics)
  const [status, health, ready, later] = await Promise.all([
    ask(`${url}/status`, options),
    ask(`${url}/healthz`, options),
    ask(`${url}/readyz`, options),
    sleep(SAMPLE_MS, options.signal).then(() => ask(`${url}/metrics`, options)),
  ])
  const scraped = parseScrape(metrics.status === 200 ? metrics.text : '')
  const told = statusOf(status)
  return {
    url,
    metrics,
    scraped,
    later: isAnswer(later) ? parseScrape(later.text).samples : [],
    kind: told?.service ?? kindOf(scraped.samples),
    status: told,
    health: pageOf(health),
    ready: pageOf(ready),
  }
}

const absent = (url: string, metrics: Asked): ServiceFacts => ({
  url,
  metrics,
  scraped: { samples: [], unreadable: [] },
  later: [],
  kind: null,
  status: null,
  health: null,
  ready: null,
})

const jsonOf = (asked: Asked): unknown => {
  try {
    return isAnswer(asked) ? JSON.parse(asked.text) : null
  } catch {
    return null
  }
}

const statusOf = (asked: Asked): ServiceStatus | null => {
  const value = jsonOf(asked)
  const isStatus = typeof value === 'object' && value !== null && 'service' in value && 'streams' in value
  return isStatus ? (value as ServiceStatus) : null
}

const pageOf = (asked: Asked): Page | null => {
  const value = jsonOf(asked)
  if (!isAnswer(asked) || typeof value !== 'object' || value === null || !('reasons' in value)) return null
  const { reasons } = value
  return { status: asked.status, reasons: Array.isArray(reasons) ? reasons.map(String) : [] }
}

const KINDS = ['ingester', 'backfiller', 'indexer'] as const

/** By its metric names: a mixed fleet has services that tell nothing else. */
const kindOf = (samples: readonly Sample[]): ServiceName | null => {
  const names = new Set(samples.map(({ name }) => name))
  return KINDS.find((kind) => CONTRACT[kind].some(({ name }) => names.has(name))) ?? null
}
