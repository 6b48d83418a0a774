import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransientError } from '../lib/errors.ts'
import { StreamLevel } from './level.ts'

test('readings that overlap while the store is away fail for those who asked, and for nobody else', async (t) => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', note)
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const answers: ((error: Error) => void)[] = []
  const streamStats = () => new Promise<never>((_, reject) => answers.push(reject))
  const level = new StreamLevel({ log: { streamStats }, stream: 'firehose_live', mark: 5, checkMs: 1 })
  const older = assert.rejects(level.stats(), /away/)
  now = 2_000
  const newer = assert.rejects(level.stats(), /away/)
  assert.equal(answers.length, 2)
  answers[0]?.(new TransientError('away'))
  await older
  answers[1]?.(new TransientError('away'))
  await newer
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  assert.deepEqual(unhandled, [])
})
