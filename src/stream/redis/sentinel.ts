/** Asks sentinels, one after the other, which server is the master now. */
import { readFileSync } from 'node:fs'
import { createClient } from 'redis'
import { TransientError } from '../../lib/errors.ts'
import { reason } from './errors.ts'
import type { Endpoint, RedisTarget } from './url.ts'

type SentinelTarget = Extract<RedisTarget, { kind: 'sentinel' }>

export const findMaster = async (
  target: SentinelTarget,
  { connectTimeoutMs }: { connectTimeoutMs: number },
): Promise<Endpoint> => {
  const problems: string[] = []
  for (const node of target.nodes) {
    try {
      const master = await ask(target, node, connectTimeoutMs)
      if (master !== null) return master
      problems.push(`${node.host}:${node.port} knows no master '${target.master}'`)
    } catch (error) {
      problems.push(`${node.host}:${node.port}: ${reason(error)}`)
    }
  }
  throw new TransientError(`no sentinel names a master (${problems.join('; ')})`)
}

const ask = async (target: SentinelTarget, node: Endpoint, timeoutMs: number): Promise<Endpoint | null> => {
  const { tls, caFile, sentinelCredentials, master } = target
  const client = createClient({
    RESP: 2,
    ...sentinelCredentials,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    socket: {
      ...node,
      connectTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      reconnectStrategy: false,
      ...(tls && { tls: true as const, ...(caFile !== null && { ca: readFileSync(caFile) }) }),
    },
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const reply: unknown = await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master])
    return Array.isArray(reply) ? { host: String(reply[0]), port: Number(reply[1]) } : null
  } finally {
    client.destroy()
  }
}
