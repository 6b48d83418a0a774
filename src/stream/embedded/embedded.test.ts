import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consumerContract } from '../../../test/contract/consumer-contract.ts'
import { logContract } from '../../../test/contract/log-contract.ts'
import type { OpenStore } from '../../../test/contract/store.ts'
import { streamTruth } from '../../../test/contract/truth.ts'
import { openEmbeddedLog } from './index.ts'

const open: OpenStore = async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  let log = await openEmbeddedLog({ dataDir })
  return {
    log,
    reopen: async () => {
      await log[Symbol.asyncDispose]()
      log = await openEmbeddedLog({ dataDir })
      return log
    },
    [Symbol.asyncDispose]: async () => {
      await log[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true })
    },
  }
}

logContract('an embedded file', open)
consumerContract('an embedded file', open)
streamTruth('an embedded file', open, null)
