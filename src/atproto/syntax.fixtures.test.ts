import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../../test/harness/services.ts'
import { parseCid } from './cid.ts'
import {
  isDatetime,
  isDid,
  isHandle,
  isNsid,
  isRecordKey,
  isTid,
  normalizeDatetime,
  parseAtUri,
} from './syntax.ts'
import { fixtureLines } from '../../test/atproto/fixtures.ts'

const grammars: Readonly<Record<string, (text: string) => boolean>> = {
  did: isDid,
  handle: isHandle,
  nsid: isNsid,
  recordkey: isRecordKey,
  tid: isTid,
  aturi: (text) => parseAtUri(text) !== null,
  datetime: isDatetime,
  atidentifier: (text) => isDid(text) || isHandle(text),
}

for (const [name, accepts] of Object.entries(grammars)) {
  test(`${name}: every interop example of a valid one is accepted`, needs('fixtures'), () => {
    const refused = fixtureLines(`interop/syntax/${name}_syntax_valid.txt`).filter((text) => !accepts(text))
    assert.deepEqual(refused, [])
  })

  test(`${name}: every interop example of an invalid one is refused`, needs('fixtures'), () => {
    const accepted = fixtureLines(`interop/syntax/${name}_syntax_invalid.txt`).filter(accepts)
    assert.deepEqual(accepted, [])
  })
}

test('datetimes that are well-formed but name no moment are refused', needs('fixtures'), () => {
  const accepted = fixtureLines('interop/syntax/datetime_parse_invalid.txt').filter(isDatetime)
  assert.deepEqual(accepted, [])
})

test('every valid datetime normalizes to 24 characters', needs('fixtures'), () => {
  for (const text of fixtureLines('interop/syntax/datetime_syntax_valid.txt')) {
    assert.match(normalizeDatetime(text) ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, text)
  }
})

test('of the CID examples exactly those the protocol itself uses are read', needs('fixtures'), () => {
  const read = fixtureLines('interop/syntax/cid_syntax_valid.txt').filter((text) => parseCid(text) !== null)
  // dag-pb (bafybei…), base58, base64, decimal and base16 name other things than our blocks.
  assert.deepEqual(read, [])
  const accepted = fixtureLines('interop/syntax/cid_syntax_invalid.txt').filter(
    (text) => parseCid(text) !== null,
  )
  assert.deepEqual(accepted, [])
})
