/** The steps of the Dockerfile, run in a plain shell: what a Docker engine would do, where there is none. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')

type Step = { readonly word: string; readonly rest: string }

/** The steps of one stage, from its FROM to the next. */
const stage = (name: string): Step[] => {
  const lines = DOCKERFILE.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const from = lines.findIndex((line) => line.startsWith('FROM ') && line.endsWith(` AS ${name}`))
  const rest = lines.slice(from + 1)
  const end = rest.findIndex((line) => line.startsWith('FROM '))
  assert.ok(from >= 0, name)
  return (end < 0 ? rest : rest.slice(0, end)).map((line) => {
    const [word = '', ...words] = line.split(' ')
    return { word, rest: words.join(' ') }
  })
}

const sh = (command: string, cwd: string, env: Record<string, string> = {}): string => {
  const done = spawnSync('sh', ['-euc', command], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, CI: 'true', ...env },
  })
  assert.equal(done.status, 0, `${command}\n${done.stdout}${done.stderr}`)
  return done.stdout
}

const copy = (rest: string, build: string | null, target: string): void => {
  const words = rest.split(' ').filter((word) => !word.startsWith('--'))
  const to = words.pop() ?? './'
  for (const path of words) {
    const source = rest.startsWith('--from=build')
      ? join(build ?? '', path.replace(/^\/app\//, ''))
      : join(ROOT, path)
    const name = path.split('/').at(-1) ?? ''
    cpSync(source, join(target, to === './' ? name : to), { recursive: true })
  }
}

test('the image builds from a checkout, runs without development or optional packages, and knows its commit', () => {
  const build = mkdtempSync(join(tmpdir(), 'millrace-image-build-'))
  const image = mkdtempSync(join(tmpdir(), 'millrace-image-'))
  try {
    for (const { word, rest } of stage('build')) {
      if (word === 'COPY') copy(rest, null, build)
      if (word === 'RUN') sh(rest, build)
    }
    for (const { word, rest } of stage('millrace')) {
      if (word === 'COPY') copy(rest, build, image)
      if (word === 'RUN') sh(rest, image, { COMMIT: '0123456789abcdef0123456789abcdef01234567' })
    }
    assert.ok(!existsSync(join(image, 'node_modules/typescript')))
    assert.ok(!existsSync(join(image, 'src')))
    const entry = JSON.parse(
      stage('millrace').find(({ word }) => word === 'ENTRYPOINT')?.rest ?? '[]',
    ) as string[]
    const { status, stdout } = spawnSync(process.execPath, [...entry.slice(1), '--version'], {
      cwd: image,
      encoding: 'utf8',
    })
    assert.equal(status, 0)
    assert.match(stdout, /^\d+\.\d+\.\d+\+0123456\n$/)
    for (const command of ['ingester', 'backfiller', 'indexer', 'migrate']) {
      const help = spawnSync(process.execPath, [...entry.slice(1), command, '--help'], {
        cwd: image,
        encoding: 'utf8',
      })
      assert.equal(help.status, 0, help.stderr)
    }
  } finally {
    for (const folder of [build, image]) rmSync(folder, { recursive: true })
  }
})

test('the build context lets in all that is copied, and nothing that is secret or large', () => {
  const allowed = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
  const copied = DOCKERFILE.split('\n')
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1))
  assert.ok(copied.length >= 5)
  for (const path of copied) assert.ok(allowed.includes(`!${path.split('/')[0]}`), path)
  for (const never of ['.env', '.git', 'node_modules', 'test']) assert.ok(!allowed.includes(`!${never}`))
})
