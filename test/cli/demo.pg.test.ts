import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../harness/services.ts'
import { run, start, type Running } from './program.ts'

const PORTS = ['ingester', 'backfiller', 'indexer'].flatMap((name) => [`--${name}-metrics-port`, '0'])
const SMALL = ['demo', '--accounts', '15', '--records', '300', '--rate', '500', ...PORTS]

type Summary = {
  isComplete: boolean
  differences: unknown[]
  recordsPerSecond: number
  collections: { collection: string; produced: number; indexed: number }[]
}

test(
  'the demo ends when everything produced is indexed, and proves it per collection',
  needs('pg'),
  async () => {
    const { code, stdout, stderr } = await run([...SMALL, '--exit-when-done', '--json'])
    assert.equal(code, 0, stderr)
    const summary = JSON.parse(stdout) as Summary
    assert.deepEqual([summary.isComplete, summary.differences], [true, []])
    assert.ok(summary.recordsPerSecond > 0)
    assert.ok(summary.collections.length >= 5)
    for (const { collection, produced, indexed } of summary.collections)
      assert.equal(indexed, produced, collection)
  },
)

const consoles = async (program: Running): Promise<string[]> => {
  await program.says(/Ctrl-C stops it/)
  return [...program.said().matchAll(/\s(http:\/\/127\.0\.0\.1:\d+)\/\s/g)].map(([, url]) => url ?? '')
}

test(
  'a running demo answers `millrace status`, and Ctrl-C ends it with its table and exit code 0',
  needs('pg'),
  async () => {
    await using program = start(SMALL)
    const urls = await consoles(program)
    assert.equal(urls.length, 3)
    const answer = await run(['status', '--json', '--services', urls.join(',')])
    const report = JSON.parse(answer.stdout) as {
      services: { status: { service: string; streams: unknown[] } }[]
    }
    assert.deepEqual(
      report.services.map(({ status }) => status.service),
      ['ingester', 'backfiller', 'indexer'],
    )
    const drawn = await run(['status', '--services', urls.join(',')])
    assert.match(drawn.stdout, /firehose_live/)
    program.child.kill('SIGINT')
    const { code, stdout, stderr } = await program.ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^collection +produced +indexed/)
  },
)

test('`millrace status` says so, with exit code 3, when nothing answers', async () => {
  const { code, stdout } = await run(['status', '--services', 'http://127.0.0.1:9'])
  assert.equal(code, 3)
  assert.match(stdout, /No service answers/)
})
