import { logContract } from '../../../test/contract/log-contract.ts'
import { redisUrl } from '../../../test/harness/services.ts'
import { openRedisLog } from './index.ts'

logContract('Redis', async () => {
  const url = await redisUrl()
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
})
