/** What a Redis says of itself, read twice a moment apart. Sends nothing but questions. */
import { sleep } from '../../../lib/backoff.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { ClusterNodes } from '../../../stream/redis/cluster.ts'
import { reason } from '../../../stream/redis/errors.ts'
import type { Link } from '../../../stream/redis/link.ts'
import { OneServer } from '../../../stream/redis/one-server.ts'
import { list, number, record } from '../../../stream/redis/replies.ts'
import type { Topology } from '../../../stream/redis/topology.ts'
import { parseRedisUrl } from '../../../stream/redis/url.ts'
import { SAMPLE_MS } from '../sampling.ts'
import { readCursors, readStreams, type CursorFacts, type StreamFacts, type StreamsAsked } from './streams.ts'

type Info = ReadonlyMap<string, string>

export type NodeFacts = {
  readonly info: Info
  /** `SAMPLE_MS` later. */
  readonly usedLaterBytes: number
  /** Empty when CONFIG is forbidden, as on managed servers. */
  readonly config: ReadonlyMap<string, string>
  readonly clockSkewSeconds: number
}

export type RedisFacts = {
  /** Why it could not be asked; null when it was. */
  readonly failure: string | null
  readonly nodes: readonly NodeFacts[]
  readonly streams: readonly StreamFacts[]
  readonly cursors: readonly CursorFacts[]
}

export type RedisAsked = StreamsAsked & {
  readonly url: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const CONFIG = ['maxmemory', 'maxmemory-policy', 'appendonly', 'appendfsync', 'save', 'min-replicas-to-write']

const failed = (failure: string): RedisFacts => ({ failure, nodes: [], streams: [], cursors: [] })

export const readRedis = async (asked: RedisAsked): Promise<RedisFacts> => {
  const target = parseRedisUrl(asked.url)
  const options = {
    target,
    logger: silentLogger,
    commandTimeoutMs: asked.timeoutMs,
    connectTimeoutMs: asked.timeoutMs,
  }
  const topology: Topology = target.kind === 'cluster' ? new ClusterNodes(options) : new OneServer(options)
  try {
    if (!(await topology.ready(asked.timeoutMs))) return failed(reason(topology.lastError))
    const [nodes, streams, cursors] = await Promise.all([
      topology.masters().then((links) => Promise.all(links.map((link) => readNode(link, asked.signal)))),
      readStreams(topology, asked),
      readCursors(topology, asked),
    ])
    return { failure: null, nodes, streams, cursors }
  } catch (cause) {
    return failed(reason(cause))
  } finally {
    await topology.close()
  }
}

const readNode = async (link: Link, signal: AbortSignal): Promise<NodeFacts> => {
  const info = parseInfo(String(await link.send(['INFO'])))
  const config = new Map<string, string>()
  for (const name of CONFIG) {
    const reply = await link.send(['CONFIG', 'GET', name]).catch(() => [])
    for (const [key, value] of record(list(reply))) config.set(key, String(value))
  }
  const askedMs = Date.now()
  const [seconds, micros] = list(await link.send(['TIME']))
  const middleMs = (askedMs + Date.now()) / 2
  await sleep(SAMPLE_MS, signal)
  const later = parseInfo(String(await link.send(['INFO', 'memory'])))
  return {
    info,
    config,
    usedLaterBytes: Number(later.get('used_memory') ?? 0),
    clockSkewSeconds: number(seconds) + number(micros) / 1e6 - middleMs / 1_000,
  }
}

const parseInfo = (text: string): Info =>
  new Map(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':')
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
    }),
  )
