import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { logContract } from '../../../test/contract/log-contract.ts'
import { openEmbeddedLog } from './index.ts'

logContract('an embedded file', async () => {
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
})
