/** Redis as an operator at redis-cli sees it, for tests that look at the wire's other end. */
import { createClient } from 'redis'

export type RawRedis = AsyncDisposable & { send(...command: string[]): Promise<unknown> }

export const rawRedis = async (url: string): Promise<RawRedis> => {
  const client = createClient({ url, RESP: 2 })
  client.on('error', () => undefined)
  await client.connect()
  return {
    send: (...command) => client.sendCommand(command),
    [Symbol.asyncDispose]: async () => client.destroy(),
  }
}
