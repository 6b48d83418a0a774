/** The report of `millrace status` as a page for a terminal. */
import { drawTable, paint, perSecond, type Cell } from '../table.ts'
import type { ServiceReport } from './service.ts'
import type { StoreReport } from './store.ts'

const STREAM_HEAD = ['stream', 'length', 'oldest s', 'group', 'lag', 'pending']

const streamRow = (stream: StoreReport['streams'][number]): Cell[] => [
  stream.stream,
  stream.length,
  stream.oldestAgeSeconds,
  stream.group ?? '–',
  stream.lag,
  stream.pending,
]

const upstreamRow = (upstream: ServiceReport['status']['upstreams'][number]): Cell[] => [
  upstream.kind,
  upstream.host,
  upstream.state,
  upstream.cursor,
  upstream.secondsSinceData === null ? null : Math.round(upstream.secondsSinceData),
  upstream.reconnects,
  upstream.lastError ?? '',
]

const UPSTREAM_HEAD = ['upstream', 'host', 'state', 'cursor', 'quiet s', 'reconnects', 'last error']

const drawService = ({ url, status, health, rates }: ServiceReport): string => {
  const state = health.ready ? paint('green', 'ready') : paint('red', 'not ready')
  const title = `${paint('bold', status.service)} ${state}  ${url}  ${status.store}, version ${status.version}`
  const totals = Object.entries(status.totals).map(([word, n]) => [word, n, perSecond(rates[word] ?? 0)])
  return [
    title,
    ...health.reasons.map((reason) => paint('yellow', `  ${reason}`)),
    ...(totals.length > 0 ? [drawTable(['total', 'count', 'now'], totals)] : []),
    ...(status.upstreams.length > 0 ? [drawTable(UPSTREAM_HEAD, status.upstreams.map(upstreamRow))] : []),
    ...(status.streams.length > 0 ? [drawTable(STREAM_HEAD, status.streams.map(streamRow))] : []),
    ...status.problems.map((problem) => `${paint('yellow', problem.what)} ${problem.todo}`),
  ].join('\n')
}

const drawStore = (store: StoreReport): string =>
  [
    paint('bold', 'store'),
    drawTable(STREAM_HEAD, store.streams.map(streamRow)),
    ...(store.cursors.length > 0
      ? [
          drawTable(
            ['cursor', 'value'],
            store.cursors.map(({ name, value }) => [name, value]),
          ),
        ]
      : ['no cursor saved']),
  ].join('\n')

export type StatusReport = {
  readonly services: readonly ServiceReport[]
  readonly store: StoreReport | null
}

export const drawReport = ({ services, store }: StatusReport): string => {
  const parts = [...services.map(drawService), ...(store ? [drawStore(store)] : [])]
  if (parts.length > 0) return parts.join('\n\n')
  return 'No service answers. Start one with `millrace up`, or name them with --services or --redis-url.'
}
