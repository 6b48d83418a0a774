/** The documents against the project: what they link to, run and set exists, and no private place is named in them. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { OUTSIDE } from '../../src/cli/config/foreign.ts'
import { ROWS } from '../../src/cli/config/settings.ts'

const ROOT = join(import.meta.dirname, '../..')
const FILES = globSync(['*.md', '{docs,monitoring,bench,test,src}/**/*.md'], { cwd: ROOT }).sort()
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]))

/** Flags of other programs. */
const FOREIGN = new Set([
  'cpu-prof',
  'max-semi-space-size',
  'rate',
  'seconds',
  'set',
  'arg',
  'batch',
  'bigkeys',
  'build',
  'check',
  'data-urlencode',
  'detach',
  'fast',
  'help',
  'include',
  'omit',
  'owner',
  'ppid',
  'pwprompt',
  'profile',
  'raw',
  'reference',
  'turns',
  'spoil',
  'syntax-only',
  'events',
  'every',
  'test',
  'version',
  'write',
])
/** Read by tests. */
const OF_TESTS = ['MILLRACE_SCREENSHOT']

/** Every match of the pattern's first group in every document, as `file: match`, unless `isKnown`. */
const unknown = (pattern: RegExp, isKnown: (match: string, file: string) => boolean): string[] =>
  [...TEXTS].flatMap(([file, text]) =>
    [...text.matchAll(pattern)]
      .map(([, match = '']) => match)
      .filter((match) => !isKnown(match, file))
      .map((match) => `${file}: ${match}`),
  )

/** Headings as GitHub names them in addresses. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

const isThere = (link: string, from: string): boolean => {
  if (/^[a-z]+:/.test(link)) return true
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? from : join(dirname(from), path)
  if (!existsSync(join(ROOT, file))) return false
  return anchor === undefined || anchorsOf(readFileSync(join(ROOT, file), 'utf8')).has(anchor)
}

test('every link and picture of the documents leads somewhere', () => {
  assert.ok(FILES.includes('README.md'))
  assert.deepEqual(unknown(/\]\(([^)\s]+)\)/g, isThere), [])
})

test('every npm script that the documents name exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  assert.deepEqual(
    unknown(/npm run (?:-s )?([a-z:]+)/g, (name) => Object.hasOwn(scripts, name)),
    [],
  )
})

test('every variable and flag that the documents name is a setting', () => {
  const variables = new Set([...ROWS.map(({ millraceName }) => millraceName), ...OUTSIDE, ...OF_TESTS])
  const flags = new Set([...ROWS.map(({ flag }) => flag), ...FOREIGN])
  assert.deepEqual(
    unknown(/\b(MILLRACE_[A-Z_]*[A-Z])\b/g, (name) => variables.has(name)),
    [],
  )
  assert.deepEqual(
    unknown(/(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?![\w.-])/g, (flag) => flags.has(flag)),
    [],
  )
})

test('every source file that the documents name exists', () => {
  assert.deepEqual(
    unknown(/`((?:src|test|bench|monitoring|docs)\/[\w./-]+\.\w+)`/g, (path) => existsSync(join(ROOT, path))),
    [],
  )
})

test('no document names a private place', () => {
  assert.deepEqual(
    unknown(/(\/(?:work|home|Users)\/\w+)/g, () => false),
    [],
  )
  const isOpen = (address: string): boolean => ['127.0.0.1', '0.0.0.0'].includes(address)
  assert.deepEqual(unknown(/\b(\d+\.\d+\.\d+\.\d+)\b/g, isOpen), [])
})
