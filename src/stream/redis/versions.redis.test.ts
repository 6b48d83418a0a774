/** The whole contract again, and the truth of the figures, on the newer Redis and the Valkey that Debian offers. */
import { test } from 'node:test'
import { consumerContract } from '../../../test/contract/consumer-contract.ts'
import { logContract } from '../../../test/contract/log-contract.ts'
import { redisTruth } from '../../../test/contract/redis-truth.ts'
import type { OpenStore } from '../../../test/contract/store.ts'
import { provideRedis } from '../../../test/harness/other-redis.ts'
import { openRedisLog } from './index.ts'
import { sharedServer } from '../../../test/contract/redis-server.ts'

for (const kind of ['redis-8', 'valkey'] as const) {
  const provided = provideRedis(kind)
  if ('missing' in provided) {
    test(`the log on ${kind}`, { skip: `SKIPPED: ${provided.missing}` })
    continue
  }
  const server = sharedServer({ command: provided.command })
  const open: OpenStore = async () => {
    const { url } = await server()
    let log = await openRedisLog({ url })
    return {
      log,
      reopen: async () => {
        await log[Symbol.asyncDispose]()
        log = await openRedisLog({ url })
        return log
      },
      [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
    }
  }
  logContract(kind, open)
  consumerContract(kind, open)
  redisTruth(kind, { command: provided.command })
}
