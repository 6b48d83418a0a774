/** Faults of processes: gone, hidden, restarting, stalled, of another build. */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Drill } from '../drill.ts'
import { goingOn, withTargets } from '../faults.ts'
import { MAIN, type Service } from '../fleet.ts'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const spares: Service[] = []

/** Forgets a part of what it receives. */
const DEFECTIVE_MAIN = join(import.meta.dirname, '../defective-main.ts')

export const fleet: readonly Drill[] = [
  {
    alert: 'TargetDown',
    fault: async ({ backfiller }) => {
      await backfiller.program.kill()
      return () => backfiller.program.start()
    },
  },
  {
    // Prometheus answers with the last sample of a job that was taken away for as long as it looks back.
    alert: 'JobAbsent',
    after: 300,
    fault: async ({ prometheus }) => {
      await prometheus.reload((config) => ({
        ...config,
        scrape_configs: config.scrape_configs.filter(({ job_name }) => job_name !== 'rust-indexer'),
      }))
      return () => prometheus.reload(null)
    },
  },
  {
    // The port of another service: it answers, and says nothing of what it should.
    alert: 'SeriesAbsent',
    // A target that is new waits for its place in the interval.
    delay: 2,
    fault: async ({ prometheus, ingester }) => {
      await prometheus.reload((config) => withTargets(config, 'rust-indexer', [ingester.address]))
      return () => prometheus.reload(null)
    },
  },
  {
    // Three new processes at one address, each seen by a scrape. They wait elsewhere, because a busy machine starts none in time.
    alert: 'ServiceRestarting',
    delay: 15,
    also: ['BackfillStalled'],
    prepare: async (stack) => {
      for (const i of [1, 2, 3]) {
        const spare = await stack.another('backfiller')
        await spare.program.start([...spare.args, '--backfiller-consumer', `spare_${i}`])
        spares.push(spare)
      }
      return async () => {
        for (const { program } of spares.splice(0)) await program.stop()
      }
    },
    fault: async ({ backfiller, prometheus }) => {
      const labels = { instance: backfiller.address }
      for (const { address } of spares) {
        await prometheus.reload((config) => withTargets(config, 'rust-backfiller', [address], labels))
        await sleep(5_000)
      }
      return () => prometheus.reload(null)
    },
  },
  {
    alert: 'ServiceNotReady',
    also: [
      'DatabaseErrors',
      'MetricsUnreadable',
      'IndexerErrorRatio',
      'DatabaseDown',
      'IndexerStuck',
      'IndexedRateLow',
      'PendingIdle',
    ],
    fault: async ({ database }) => {
      await database.crash()
      return () => database.start()
    },
  },
  {
    alert: 'EventLoopStalled',
    also: ['TargetDown', 'ScrapeSlow'],
    after: 300,
    fault: async ({ backfiller: { program } }) =>
      goingOn(500, async () => {
        program.pause()
        await sleep(1_300)
        program.resume()
      }),
  },
  {
    alert: 'ConservationBroken',
    fault: async ({ ingester: { program, args } }) => {
      await program.restart(args.map((arg) => (arg === MAIN ? DEFECTIVE_MAIN : arg)))
      return () => program.restart()
    },
  },
  {
    alert: 'MixedVersions',
    also: ['ServiceRestarting'],
    fault: async ({ backfiller, prometheus, ...stack }) => {
      const other = await stack.another('backfiller', anotherBuild(stack.folder))
      await other.program.start([...other.args, '--backfiller-consumer', 'of_another_build'])
      const both = [backfiller.address, other.address]
      await prometheus.reload((config) => withTargets(config, 'rust-backfiller', both))
      return async () => {
        await prometheus.reload(null)
        await other.program.stop()
      }
    },
  },
]

/** The same sources as a package of another version. */
const anotherBuild = (folder: string): string => {
  const root = join(folder, 'another-build')
  const own = join(import.meta.dirname, '../../..')
  mkdirSync(root)
  cpSync(join(own, 'src'), join(root, 'src'), { recursive: true })
  symlinkSync(join(own, 'node_modules'), join(root, 'node_modules'))
  writeFileSync(join(root, 'package.json'), '{ "name": "millrace", "version": "99.0.0", "type": "module" }')
  return join(root, 'src/cli/main.ts')
}
