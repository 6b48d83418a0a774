import { consumerContract } from '../../../test/contract/consumer-contract.ts'
import { logContract } from '../../../test/contract/log-contract.ts'
import { redisTruth } from '../../../test/contract/redis-truth.ts'
import type { OpenStore } from '../../../test/contract/store.ts'
import { redisUrl } from '../../../test/harness/services.ts'
import { openRedisLog } from './index.ts'

const open: OpenStore = async () => {
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
}

logContract('Redis', open)
consumerContract('Redis', open)
redisTruth('Redis', {})
