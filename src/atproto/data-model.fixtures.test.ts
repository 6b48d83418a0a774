import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@atcute/cbor'
import { needs } from '../../test/harness/services.ts'
import { cidOfBlock } from './cid.ts'
import { decodeRecord } from './record.ts'
import { fromAtprotoJson } from '../../test/atproto/atproto-json.ts'
import { fixtureJson } from '../../test/atproto/fixtures.ts'

test('the interop values are the same as JSON, as CBOR and by CID', needs('fixtures'), () => {
  const cases = fixtureJson('interop/data-model/data-model-fixtures.json') as {
    json: unknown
    cbor_base64: string
    cid: string
  }[]
  assert.ok(cases.length >= 3)
  for (const { json, cbor_base64, cid } of cases) {
    const block = Buffer.from(cbor_base64, 'base64')
    assert.equal(cidOfBlock(block), cid)
    assert.deepEqual(JSON.parse(JSON.stringify(decodeRecord(block))), json)
    assert.deepEqual(Buffer.from(encode(fromAtprotoJson(json))), block)
  }
})

test('valid values survive the way to a block and back', needs('fixtures'), () => {
  const cases = fixtureJson('interop/data-model/data-model-valid.json') as { note: string; json: unknown }[]
  for (const { note, json } of cases) {
    const block = encode(fromAtprotoJson(json))
    assert.deepEqual(JSON.parse(JSON.stringify(decodeRecord(block))), json, note)
  }
})

/** Lexicon rules that a block cannot break or that do not concern one: its own rows will not be made of such values. */
const NOT_OF_THE_BLOCK = ['float', 'record with', 'blob with']

test('invalid values do not become records', needs('fixtures'), () => {
  const cases = fixtureJson('interop/data-model/data-model-invalid.json') as { note: string; json: unknown }[]
  const judged = cases.filter(({ note }) => !NOT_OF_THE_BLOCK.some((prefix) => note.startsWith(prefix)))
  assert.equal(judged.length, cases.length - 6)
  for (const { note, json } of judged) {
    const toRecord = () => decodeRecord(encode(fromAtprotoJson(json)))
    assert.ok(isRefused(toRecord), note)
  }
})

const isRefused = (read: () => unknown): boolean => {
  try {
    return read() === null
  } catch {
    return true
  }
}
