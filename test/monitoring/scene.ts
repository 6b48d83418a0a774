/** A pipeline for the console to show: plausible figures that move each time somebody looks. */
import type { Health, ServiceStatus, StatusSource } from '../../src/monitoring/status.ts'

const GOOD: Health = { live: true, ready: true, reasons: [] }

export type Scene = {
  ingester: ServiceStatus
  backfiller: ServiceStatus
  indexer: ServiceStatus
  health: Health
  looks: number
}

const startedAt = new Date(Date.now() - 3 * 3_600_000).toISOString()
const common = { version: '0.1.0', store: 'embedded', startedAt, problems: [] } as const
const stream = { oldestAgeSeconds: 0, highWaterMark: null, group: null, lag: null, pending: null }

const ingester = (): ServiceStatus => ({
  ...common,
  service: 'ingester',
  upstreams: [
    {
      kind: 'firehose',
      host: 'bsky.network',
      state: 'live',
      cursor: '24019384756',
      secondsSinceData: 0.1,
      reconnects: 0,
      lastError: null,
    },
    {
      kind: 'repos',
      host: 'bsky.network',
      state: 'done',
      cursor: null,
      secondsSinceData: 40,
      reconnects: 0,
      lastError: null,
    },
    {
      kind: 'labels',
      host: 'mod.bsky.app',
      state: 'live',
      cursor: '1184213',
      secondsSinceData: 12,
      reconnects: 2,
      lastError: null,
    },
  ],
  streams: [
    { ...stream, stream: 'firehose_live', length: 812, oldestAgeSeconds: 1, highWaterMark: 100_000 },
    { ...stream, stream: 'repo_backfill', length: 41_200, oldestAgeSeconds: 3000, highWaterMark: 100_000 },
    { ...stream, stream: 'label_live', length: 3, oldestAgeSeconds: 0.2, highWaterMark: 100_000 },
  ],
  totals: { eventsReceived: 4_812_345, eventsWritten: 4_700_120, labelsWritten: 81_233, errors: 0 },
})

const backfiller = (): ServiceStatus => ({
  ...common,
  service: 'backfiller',
  upstreams: [],
  streams: [
    {
      ...stream,
      stream: 'repo_backfill',
      length: 41_200,
      group: 'repo_backfill_group',
      lag: 41_180,
      pending: 20,
    },
    { ...stream, stream: 'firehose_backfill', length: 9_140, oldestAgeSeconds: 4, highWaterMark: 100_000 },
  ],
  totals: { reposProcessed: 12_410, recordsExtracted: 9_120_455, reposFailed: 0 },
})

const indexer = (): ServiceStatus => ({
  ...common,
  service: 'indexer',
  upstreams: [
    {
      kind: 'database',
      host: 'embedded',
      state: 'live',
      cursor: null,
      secondsSinceData: 0,
      reconnects: 0,
      lastError: null,
    },
  ],
  streams: [
    { ...stream, stream: 'firehose_live', length: 812, group: 'firehose_group', lag: 310, pending: 502 },
    {
      ...stream,
      stream: 'firehose_backfill',
      length: 9_140,
      group: 'firehose_group',
      lag: 7_140,
      pending: 2_000,
    },
    { ...stream, stream: 'label_live', length: 3, group: 'firehose_group', lag: 0, pending: 3 },
  ],
  totals: { eventsProcessed: 12_001_220, rowsWritten: 25_120_455, errors: 0 },
})

export const newScene = (): Scene => ({
  ingester: ingester(),
  backfiller: backfiller(),
  indexer: indexer(),
  health: GOOD,
  looks: 0,
})

const usual = new Map(
  Object.entries({ firehose_live: 812, repo_backfill: 41_200, label_live: 3, firehose_backfill: 9_140 }),
)

/** Every look finds that work has been done since the last. */
const advance = (scene: Scene): void => {
  scene.looks += 1
  const wave = (step: number, speed: number) => Math.round(step * (1 + 0.25 * Math.sin(scene.looks / speed)))
  const grow = (status: ServiceStatus, steps: Record<string, number>): ServiceStatus => ({
    ...status,
    totals: Object.fromEntries(
      Object.entries(status.totals).map(([key, total]) => [
        key,
        total + wave(steps[key] ?? 0, 3 + key.length / 4),
      ]),
    ),
    streams: status.streams.map((each) => ({
      ...each,
      length: wave(usual.get(each.stream) ?? 0, 5 + each.stream.length),
    })),
  })
  scene.ingester = grow(scene.ingester, { eventsReceived: 1_900, eventsWritten: 1_810, labelsWritten: 120 })
  scene.backfiller = grow(scene.backfiller, { reposProcessed: 6, recordsExtracted: 2_400 })
  scene.indexer = grow(scene.indexer, { eventsProcessed: 3_900, rowsWritten: 5_200 })
}

export const sourcesOf = (scene: Scene): StatusSource[] =>
  (['ingester', 'backfiller', 'indexer'] as const).map((service) => ({
    status: async () => {
      if (service === 'ingester') advance(scene)
      return scene[service]
    },
    health: async () => (service === 'indexer' ? scene.health : GOOD),
  }))
