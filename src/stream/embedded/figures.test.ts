import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StreamWatch } from '../watch.ts'
import { openEmbeddedLog } from './index.ts'

test('the embedded store tells its size, the room there is, and that it is safe; closed, it is down and unknown', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  const log = await openEmbeddedLog({ dataDir, maxBytes: 64 * 1024 * 1024 })
  const fresh = () => new StreamWatch({ log, streams: [], onLost: () => undefined }).store()
  try {
    const before = await fresh()
    await log.append('firehose_live', [{ event: 'x'.repeat(2_000_000) }])
    const after = await fresh()
    assert.ok(after.usedBytes > before.usedBytes + 1_900_000)
    assert.ok(after.usedBytes < after.capacityBytes && after.capacityBytes <= 64 * 1024 * 1024)
    assert.ok(after.up && after.pingSeconds > 0)
    assert.deepEqual(after.safe, { eviction: 1, persistence: 1, memory_limit: 1, group_ahead: 1 })
    await log[Symbol.asyncDispose]()
    const gone = await fresh()
    assert.deepEqual([gone.up, gone.usedBytes, gone.pingSeconds], [false, NaN, NaN])
  } finally {
    await log[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true })
  }
})
