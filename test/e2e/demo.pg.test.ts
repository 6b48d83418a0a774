/** The demo's verdict when it is bad: what no frame and no repository told is named, and the exit code says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../harness/services.ts'
import { start } from '../cli/program.ts'
import { anyPort } from './programs.ts'

type Summary = {
  readonly isComplete: boolean
  readonly differences: readonly { readonly uri: string; readonly expected: string | null }[]
  readonly collections: readonly {
    readonly produced: number
    readonly indexed: number
    readonly missing: number
  }[]
}

test(
  'a demo whose relay sends nothing that can be read ends with exit code 3 and names what is missing',
  needs('pg'),
  async () => {
    await using demo = start([
      ...['demo', '--exit-when-done', '--json', '--accounts', '20', '--records', '4000', '--rate', '150'],
      ...['--faults', 'malformed_cbor'],
      ...anyPort('ingester', 'backfiller', 'indexer'),
    ])
    // New records go on coming long after the repositories were fetched; it is stopped in the middle.
    await demo.says(/indexed [1-9]/)
    demo.child.kill('SIGTERM')
    const { code, stdout, stderr } = await demo.ended
    assert.equal(code, 3, stderr)
    const { isComplete, differences, collections } = JSON.parse(stdout) as Summary
    assert.equal(isComplete, false)
    assert.ok(differences.length > 0 && differences.every(({ uri }) => uri.startsWith('at://')))
    assert.ok(collections.every(({ produced, indexed, missing }) => produced === indexed + missing))
    assert.ok(collections.some(({ missing }) => missing > 0))
  },
)
