/** The exporters of Redis and PostgreSQL as production scrapes them. */
import { join } from 'node:path'
import { freePort } from '../harness/services.ts'
import { answers, Program } from './program.ts'
import { binaryOf } from './watchers.ts'

export type Exporter = { readonly address: string; readonly program: Program }

type ExporterOptions = {
  readonly name: 'redis-exporter' | 'postgres-exporter'
  readonly flags: (address: string) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const open = async (folder: string, { name, flags, env = {} }: ExporterOptions): Promise<Exporter> => {
  const address = `127.0.0.1:${await freePort()}`
  const program = new Program({
    command: binaryOf(name),
    args: flags(address),
    env,
    logFile: join(folder, `${name}.log`),
    isReady: () => answers(`http://${address}/metrics`),
  })
  return { address, program }
}

export const openRedisExporter = (folder: string, redisUrl: string): Promise<Exporter> =>
  open(folder, {
    name: 'redis-exporter',
    flags: (address) => ['-redis.addr', redisUrl, '-web.listen-address', address],
  })

export const openPostgresExporter = (folder: string, databaseUrl: string): Promise<Exporter> =>
  open(folder, {
    name: 'postgres-exporter',
    flags: (address) => [`--web.listen-address=${address}`],
    env: { DATA_SOURCE_NAME: `${databaseUrl}?sslmode=disable` },
  })
