/**
 * Records backfilled per second and core, step by step, beside the ceiling of the same run (decoding the record blocks and
 * nothing else): verification, conversion to entries, and the whole service from HTTP to a log. The last ones by CPU time of the
 * whole process, which also serves the CARs. Run: node bench/backfill.ts; about ten seconds.
 */
import { decode } from '@atcute/cbor'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Table from 'cli-table3'
import { readCar } from '../src/atproto/car.ts'
import { createResolver } from '../src/atproto/identity.ts'
import { verifyRepoBytes, type RepoRecord } from '../src/atproto/repo.ts'
import { chunksOf } from '../src/backfiller/convert.ts'
import { createBackfiller } from '../src/backfiller/index.ts'
import { encodeBackfill } from '../src/event/codec.ts'
import { silentLogger } from '../src/lib/logger.ts'
import { startSandbox } from '../src/sandbox/index.ts'
import { openEmbeddedLog } from '../src/stream/embedded/index.ts'
import type { Log } from '../src/stream/log.ts'
import { openRedisLog } from '../src/stream/redis/index.ts'
import { freshRedis } from '../test/harness/services.ts'

const ACCOUNTS = 20
const RECORDS = 20_000
const ROUNDS = 3

type Repo = { readonly did: string; readonly didKey: string; readonly car: Buffer }

const network = await startSandbox({
  accounts: ACCOUNTS,
  records: RECORDS,
  backfillShare: 1,
  ratePerSecond: 0,
})
const resolver = createResolver({ plcUrl: network.plcUrl, timeoutMs: 5_000, allowHttp: true })
const repos: Repo[] = []
for (const { did, pds } of network.truth().accounts) {
  const response = await fetch(`${pds}/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(did)}`)
  const { signingKey } = await resolver.resolveDid(did)
  repos.push({ did, didKey: signingKey ?? '', car: Buffer.from(await response.arrayBuffer()) })
}
await network.close()

const verified = ({ did, didKey, car }: Repo, all = true) =>
  verifyRepoBytes(car, { did, didKey, filter: () => all, maxBytes: Infinity })
const records: RepoRecord[] = repos.flatMap((repo) => [...verified(repo).records])
const blocks = repos.flatMap(({ car }) => {
  const found = readCar(car).blocks
  return records.flatMap(({ cid }) => found.get(cid) ?? [])
})

const STEPS: Readonly<Record<string, () => void>> = {
  'ceiling: decode record blocks': () => {
    for (const block of blocks) decode(block)
  },
  'verify: hashes, tree, signature': () => {
    for (const repo of repos) verified(repo, false)
  },
  'verify and decode': () => {
    for (const repo of repos) for (const _record of verified(repo).records);
  },
  'verify, decode, encode entries': () => {
    for (const repo of repos) {
      const { did, commit, rev, records } = verified(repo)
      const limits = { maxEntries: 500, maxBytes: 1 << 20, maxRecordBytes: 4 << 20 }
      for (const _chunk of chunksOf({ did, commit, rev, time: '2026-01-01T00:00:00.000Z' }, records, limits));
    }
  },
}

const best: Record<string, number> = {}
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, step] of Object.entries(STEPS)) {
    const start = performance.now()
    step()
    best[name] = Math.max(best[name] ?? 0, records.length / ((performance.now() - start) / 1_000))
  }
}

/** Seconds of the clock and of the CPU until every repo is processed. */
const throughService = async (log: Log): Promise<{ seconds: number; cpuSeconds: number }> => {
  const cars = new Map(repos.map(({ did, car }) => [did, car]))
  const server = createServer((request, response) => {
    const did = new URL(request.url ?? '/', 'http://host').searchParams.get('did') ?? ''
    response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' }).end(cars.get(did))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pds = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const { did, didKey } of repos) {
    await log.cacheSet(`did:key:${did}`, didKey, 60_000)
    await log.cacheSet(`did:pds:${did}`, pds, 60_000)
  }
  const host = { host: '', rev: '', status: null, active: true }
  await log.append(
    'repo_backfill',
    repos.map(({ did }) => encodeBackfill({ did, ...host })),
  )
  const options = {
    log,
    logger: silentLogger,
    version: 'bench',
    consumer: 'bench',
    plcUrl: pds,
    allowHttp: true,
  }
  const backfiller = createBackfiller({ ...options, collections: ['*'] })
  const stop = new AbortController()
  const cpu = process.cpuUsage()
  const start = performance.now()
  const running = backfiller.service.run(stop.signal)
  while ((await log.streamStats('repo_backfill')).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 5))
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  stop.abort()
  await running
  server.closeAllConnections()
  server.close()
  return { seconds, cpuSeconds: (user + system) / 1e6 }
}

const table = new Table({ head: ['step', 'records/s and core', 'of the ceiling', 'records/s by the clock'] })
const ceiling = Object.values(best)[0] ?? 1
const row = (name: string, rate: number, clock: number | null) =>
  table.push([
    name,
    Math.round(rate),
    `${((100 * rate) / ceiling).toFixed(1)} %`,
    clock === null ? '' : Math.round(clock),
  ])
for (const [name, rate] of Object.entries(best)) row(name, rate, null)

const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const embedded = await openEmbeddedLog({ dataDir: dir })
await using redis = await freshRedis()
const onRedis = await openRedisLog({ url: redis.url })
for (const [name, log] of [
  ['embedded', embedded],
  ['Redis', onRedis],
] as const) {
  const { seconds, cpuSeconds } = await throughService(log)
  row(`the service, into the ${name} log`, records.length / cpuSeconds, records.length / seconds)
  await log[Symbol.asyncDispose]()
}
rmSync(dir, { recursive: true })

const megabytes = repos.reduce((sum, { car }) => sum + car.length, 0) / 1e6
console.log(
  `${repos.length} repos, ${records.length} records, ${megabytes.toFixed(1)} MB of CARs; best of ${ROUNDS} rounds`,
)
console.log(table.toString())
