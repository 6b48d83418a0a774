import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeDocument, readDocument } from './document.ts'

test('docs/conformance.md lists every rule, with its reason', async () => {
  assert.equal(readDocument(), await makeDocument(), 'run `node test/conformance/document.ts --write`')
})
