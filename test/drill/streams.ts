/** A Redis of the drills' own, kept as operations.md tells operators to keep theirs, to talk to in its own words and to break. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { findProgram } from '../harness/binaries.ts'
import { temporaryFolder } from '../harness/servers.ts'
import { freePort } from '../harness/services.ts'
import { Program } from './program.ts'

export type Streams = AsyncDisposable & {
  readonly url: string
  readonly port: number
  readonly program: Program
  /** Any command; rejects while Redis is away. */
  send(...command: readonly string[]): Promise<unknown>
  /** Many commands on one connection. */
  sendAll(commands: readonly (readonly string[])[]): Promise<readonly unknown[]>
}

const sendTo = async (url: string, commands: readonly (readonly string[])[]): Promise<unknown[]> => {
  const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 2_000 } })
  client.on('error', () => {})
  try {
    await client.connect()
    return await Promise.all(commands.map((command) => client.sendCommand([...command])))
  } finally {
    if (client.isOpen) client.destroy()
  }
}

export const startStreams = async (): Promise<Streams> => {
  const folder = temporaryFolder('drill-redis')
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const kept = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '']
  const bounded = ['--maxmemory', '1gb', '--maxmemory-policy', 'noeviction']
  const program = new Program({
    command: findProgram('redis-server') ?? 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...kept, ...bounded],
    logFile: join(folder, 'redis.log'),
    isReady: () =>
      sendTo(url, [['PING']]).then(
        ([answer]) => answer === 'PONG',
        () => false,
      ),
  })
  await program.start()
  return {
    url,
    port,
    program,
    send: async (...command) => (await sendTo(url, [command]))[0],
    sendAll: (commands) => sendTo(url, commands),
    [Symbol.asyncDispose]: async () => {
      await program[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
