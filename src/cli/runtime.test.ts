import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPinnedRuntime, installAdvice, isRuntimeTooOld, runOn } from './runtime.ts'

test('a runtime before Node 24 is too old', () => {
  assert.deepEqual(['20.20.2', '22.18.0', '24.0.0', '25.1.0'].map(isRuntimeTooOld), [
    true,
    true,
    false,
    false,
  ])
})

test('the runtime that npm installed beside us is found and new enough', async (t) => {
  const runtime = findPinnedRuntime(import.meta.url)
  if (runtime === null) return t.skip(`no pinned runtime for ${process.platform}-${process.arch}`)
  assert.equal(await runOn(runtime, ['-e', 'process.exit(parseInt(process.versions.node))']), 24)
})

test('where no runtime is installed the answer is null, and the advice says what to install', () => {
  assert.equal(findPinnedRuntime('file:///nowhere/at/all.js'), null)
  assert.match(installAdvice('20.1.0'), /needs Node 24 or newer and runs on 20.1.0.*install Node 24/)
})
