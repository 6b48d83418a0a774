/** One server for the tests of a file, started when the first of them wants it. */
import { after } from 'node:test'
import { startRedis, type RedisOptions, type RedisServer } from '../harness/servers.ts'

export const sharedServer = (options: RedisOptions): (() => Promise<RedisServer>) => {
  let server: Promise<RedisServer> | undefined
  after(async () => (await server)?.stop())
  return () => (server ??= startRedis(options))
}
