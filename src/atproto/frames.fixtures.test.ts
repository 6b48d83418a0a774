import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeFrame, fromAtprotoJson } from '../../test/atproto/atproto-json.ts'
import { fixtureFrames, fixtureJson } from '../../test/atproto/fixtures.ts'
import { fixturesDir, needs } from '../../test/harness/services.ts'
import { selectBlocks } from './car.ts'
import { didKeyOf } from './did-key.ts'
import { parseDidDocument } from './did-document.ts'
import { decodeFrame } from './frame.ts'
import { parseLabelMessage, parseRepoMessage, type CommitMessage, type RepoMessage } from './message.ts'
import { decodeRecord } from './record.ts'
import { verifyCommitMessage } from './verify-commit.ts'

const parse = (bytes: Uint8Array): RepoMessage => {
  const frame = decodeFrame(bytes)
  assert.ok(!('drop' in frame) && frame.kind === 'message')
  const message = parseRepoMessage(frame)
  assert.ok(!('drop' in message), JSON.stringify(message))
  return message
}

const wanted = ({ ops }: CommitMessage): Set<string> =>
  new Set(ops.flatMap(({ action, cid }) => (action !== 'delete' && cid !== null ? [cid] : [])))

test('four commits of the real firehose hold every record that their ops name', needs('fixtures'), () => {
  const files = readdirSync(join(fixturesDir(), 'frames')).filter((name) =>
    name.startsWith('firehose_commit_'),
  )
  let records = 0
  for (const file of files) {
    const body = fromAtprotoJson(fixtureJson(`frames/${file}`))
    const message = parse(encodeFrame({ op: 1, t: '#commit' }, body))
    assert.ok(message.type === 'commit')
    const blocks = selectBlocks(message.blocks, wanted(message))
    for (const { path, cid } of message.ops) {
      const record = decodeRecord(blocks.get(cid ?? '') ?? Buffer.alloc(0))
      assert.equal(record?.['$type'], path.split('/')[0])
      records++
    }
  }
  assert.deepEqual([files.length, records], [4, 45])
})

type Scenario = {
  lenient: boolean
  accounts: { identity: { did: string; keys: { atproto: { type: string; publicKeyMultibase: string } } } }[]
  messages: { frame: { header: unknown; body: unknown }; drop: boolean; invalid: boolean }[]
}

const scenario = (name: string) => {
  const { accounts, messages, lenient } = fixtureJson(`frames/${name}.json`) as Scenario
  const keys = new Map(
    accounts.map(({ identity: { did, keys } }) => [
      did,
      didKeyOf(keys.atproto.type, keys.atproto.publicKeyMultibase) ?? '',
    ]),
  )
  const parsed = messages.map(({ frame, drop, invalid }) => ({
    message: parse(encodeFrame(frame.header, fromAtprotoJson(frame.body))),
    valid: !drop && !invalid,
  }))
  return { keys, parsed, lenient }
}

for (const [name, inverted] of [
  ['post_lifecycle', [true, true, true, true, true, true]],
  ['legacy', [false]],
] as const) {
  test(`the commits of the relay scenario ${name} verify with its account's key`, needs('fixtures'), () => {
    const { keys, parsed } = scenario(name)
    const verdicts = parsed.flatMap(({ message, valid }) => {
      if (message.type !== 'commit') return []
      const verdict = verifyCommitMessage(message, keys.get(message.repo) ?? '')
      assert.equal(verdict.valid, valid, JSON.stringify(verdict))
      return verdict.valid ? [verdict.inverted] : []
    })
    assert.deepEqual(verdicts, inverted)
  })
}

test('a commit that hides or invents a change does not verify', needs('fixtures'), () => {
  const { keys, parsed } = scenario('post_lifecycle')
  const messages = parsed.map(({ message }) => message).filter((message) => message.type === 'commit')
  const [create, remove] = messages
  const update = messages[4]
  const last = messages[5]
  assert.ok(create && remove && update && last)
  const key = keys.get(create.repo) ?? ''
  const flaw = (message: CommitMessage) => {
    const verdict = verifyCommitMessage(message, key)
    return verdict.valid ? null : verdict.flaw
  }
  const [op] = create.ops
  assert.ok(op)
  assert.equal(flaw({ ...create, ops: [] }), 'prev_data_mismatch')
  assert.equal(flaw({ ...last, ops: last.ops.slice(1) }), 'prev_data_mismatch')
  assert.equal(flaw({ ...create, ops: [{ ...op, path: 'app.bsky.feed.like/3lmxjza3h2i2z' }] }), 'op_mismatch')
  assert.equal(flaw({ ...create, ops: [{ ...op, cid: create.commit }] }), 'op_mismatch')
  assert.equal(flaw({ ...create, ops: [{ ...op, cid: create.prevData }] }), 'missing_record')
  assert.equal(flaw({ ...create, prevData: remove.prevData }), 'prev_data_mismatch')
  assert.equal(flaw({ ...create, rev: remove.rev }), 'rev_mismatch')
  assert.equal(flaw({ ...create, repo: 'did:plc:someoneelse' }), 'did_mismatch')
  assert.equal(flaw({ ...create, commit: remove.commit }), 'bad_commit')
  assert.equal(flaw({ ...create, blocks: create.blocks.subarray(0, 100) }), 'bad_car')
  assert.equal(flaw({ ...remove, ops: remove.ops.map((item) => ({ ...item, prev: null })) }), 'incomplete_op')
  assert.equal(flaw({ ...remove, ops: [{ ...op, cid: null, prev: op.cid, action: 'delete' }] }), null)
  assert.equal(
    flaw({ ...update, ops: update.ops.map((item) => ({ ...item, prev: item.cid })) }),
    'prev_data_mismatch',
  )
  const other = 'did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc'
  assert.deepEqual(verifyCommitMessage(create, other), { valid: false, flaw: 'bad_signature' })
})

test('every frame of the captured network parses, and every commit of it verifies', needs('fixtures'), () => {
  const documents = fixtureJson('network/dids.json') as Readonly<Record<string, unknown>>
  const counts: Record<string, number> = {}
  let inverted = 0
  for (const bytes of fixtureFrames('network/repos.frames')) {
    const message = parse(bytes)
    counts[message.type] = (counts[message.type] ?? 0) + 1
    if (message.type !== 'commit') continue
    const facts = parseDidDocument(message.repo, documents[message.repo], { allowHttp: true })
    if (facts === null) continue
    const verdict = verifyCommitMessage(message, facts.signingKey ?? '')
    assert.ok(verdict.valid, `${message.seq}: ${JSON.stringify(verdict)}`)
    if (verdict.inverted) inverted++
  }
  assert.deepEqual(counts, { identity: 24, account: 24, sync: 20, commit: 318 })
  assert.ok(inverted > 250, String(inverted))
})

test('every label frame of the captured labeler parses', needs('fixtures'), () => {
  const labels = fixtureFrames('network/labels.frames').flatMap((bytes) => {
    const frame = decodeFrame(bytes)
    assert.ok(!('drop' in frame) && frame.kind === 'message')
    const message = parseLabelMessage(frame)
    assert.ok(!('drop' in message) && message.type === 'labels')
    assert.equal(message.invalidLabels, 0)
    return message.labels
  })
  assert.ok(labels.length >= 6)
  assert.ok(labels.some(({ neg }) => neg))
})
