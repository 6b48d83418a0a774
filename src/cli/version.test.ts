import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { readVersion } from './version.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'

const versionOf = (files: Record<string, string>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-version-'))
  try {
    for (const [name, text] of Object.entries({ 'package.json': '{"version":"1.2.3"}', ...files })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    return readVersion(pathToFileURL(`${folder}/`))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the version tells the commit of a checkout, of a packed branch, of a detached head, and of an image', () => {
  const told = '1.2.3+0123456'
  const branch = { '.git/HEAD': 'ref: refs/heads/main\n' }
  assert.equal(versionOf({ ...branch, '.git/refs/heads/main': `${COMMIT}\n` }), told)
  assert.equal(versionOf({ ...branch, '.git/packed-refs': `# pack-refs\n${COMMIT} refs/heads/main\n` }), told)
  assert.equal(versionOf({ '.git/HEAD': `${COMMIT}\n` }), told)
  assert.equal(versionOf({ 'commit.txt': `${COMMIT}\n`, '.git/HEAD': 'ref: refs/heads/other' }), told)
})

test('without a commit the version stands alone', () => {
  assert.equal(versionOf({}), '1.2.3')
  assert.equal(versionOf({ '.git/HEAD': 'nonsense' }), '1.2.3')
})
