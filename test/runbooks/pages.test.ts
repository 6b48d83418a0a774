/** Runbooks against alerts, metrics and commands: each alert has its page, and what a page names exists. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { productionClock } from '../../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../../src/monitoring/alerts/index.ts'
import { parseExpression, selectorsOf } from '../../src/monitoring/alerts/promql.ts'
import { knownSeries } from '../dashboards/catalogue.ts'
import { README, PAGES, parsePage, queriesOf, SECTIONS, type Page } from './pages.ts'

const ROOT = join(import.meta.dirname, '../..')
const GROUPS = ruleGroups(productionClock).filter(({ alerts = [] }) => alerts.length > 0)
const ALERTS = GROUPS.flatMap(({ alerts = [] }) => alerts.map(({ name }) => name))
/** Beyond this nobody reads it at night. */
const MOST_LINES = 60

/** Complaints of all pages, as `page: complaint`. */
const complaints = (pages: readonly Page[], judge: (page: Page) => readonly string[]): string[] =>
  pages.flatMap((page) => judge(page).map((complaint) => `${page.name}: ${complaint}`))

const everywhere = [...PAGES, README]

test('every alert has its page, and every page is of an alert', () => {
  assert.deepEqual(PAGES.map(({ name }) => name).sort(), [...ALERTS].sort())
})

test('a page has the name of its alert, a meaning, and its sections in order, none of them empty', () => {
  const form = (page: Page): string[] => [
    ...(page.title === page.name ? [] : [`its title is ${page.title}`]),
    ...(/^[A-Z`].{20,}[.:]/.test(page.meaning) ? [] : ['no meaning in its first line']),
    ...page.sections.filter(({ body }) => body === '').map(({ heading }) => `nothing under ${heading}`),
    ...(page.text.split('\n').length - 1 > MOST_LINES ? ['too long'] : []),
  ]
  assert.deepEqual(complaints(PAGES, form), [])
  for (const { name, sections } of PAGES)
    assert.deepEqual(
      sections.map(({ heading }) => heading),
      SECTIONS,
      name,
    )
})

test('a page has commands under Confirm, causes in a list, and no language of blocks but three', () => {
  const kinds = (page: Page): string[] => [
    ...page.blocks
      .filter(({ language }) => !['bash', 'sh', 'promql'].includes(language))
      .map(({ language }) => `a block of ${language || 'no language'}`),
    ...(page.blocks.some(({ section, language }) => section === 'Confirm' && language === 'bash')
      ? []
      : ['no commands']),
    ...(page.sections.some(({ heading, body }) => heading.startsWith('Causes') && body.startsWith('1. '))
      ? []
      : ['no causes']),
  ]
  assert.deepEqual(complaints(PAGES, kinds), [])
})

test('only a block that says so changes anything, and none under Confirm does', () => {
  const changes = ({ blocks }: Page): string[] => [
    ...blocks
      .filter(({ language, text }) => (language === 'sh') !== /^\s*# changes data/.test(text))
      .map(({ text }) => text),
    ...blocks
      .filter(({ section, language }) => section === 'Confirm' && language === 'sh')
      .map(({ text }) => text),
    ...blocks
      .filter(({ language, text }) => language === 'bash' && WRITES.test(text))
      .map(({ text }) => text),
  ]
  assert.deepEqual(complaints(PAGES, changes), [])
})

const WRITES =
  /\b(SET|DEL|XADD|XDEL|XACK|XTRIM|XGROUP|EVAL|FLUSHALL|CONFIG SET|DELETE|UPDATE|INSERT|DROP|ALTER|pg_terminate_backend|millrace migrate)\b/

test('every block is shell that bash understands', () => {
  const blocks = everywhere.flatMap((page) => page.blocks).filter(({ language }) => language !== 'promql')
  // One process for all: each block as a function of its own, so that none can mend another.
  const script = blocks.map(({ text }, i) => `block_${i}() {\n${text}\n}`).join('\n')
  assert.equal(spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' }).stderr, '')
})

/** Of Prometheus itself and of what it does with a scrape. */
const FOREIGN = /^(up|ALERTS|scrape_\w+|prometheus_\w+)$/

test('every query is PromQL about metrics that exist', async () => {
  const known = await knownSeries()
  const unknown = (page: Page): string[] =>
    queriesOf(page)
      .flatMap((query) => selectorsOf(parseExpression(query)))
      .map(({ metric }) => metric)
      .filter((metric) => metric !== '' && !FOREIGN.test(metric) && !known.has(metric))
  assert.ok(PAGES.flatMap(queriesOf).length > ALERTS.length, 'queries are found')
  assert.deepEqual(complaints(PAGES, unknown), [])
})

const OURS =
  /^(ingester|backfiller|indexer|stream|store|database|db_pool|monitoring|service|build|process|nodejs|slo)[_:]\w[\w:]*$/
/** Words of Redis, PostgreSQL and Grafana that look like ours. */
const OTHERS = new Set(['database_schema'])

test('every metric that the text names in passing exists', async () => {
  const known = await knownSeries()
  const named = ({ text }: Page): string[] =>
    [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)]
      .flatMap(([, code = '']) => code.match(/[a-z][\w:]*/g) ?? [])
      .filter((word) => OURS.test(word) && !OTHERS.has(word))
      // A histogram is named without what its series end in.
      .filter((word) => !known.has(word) && !known.has(`${word}_bucket`))
  assert.deepEqual(complaints(everywhere, named), [])
})

const DOCTOR = globSync('src/cli/doctor/**/*.ts', { cwd: ROOT })
  .map((file) => readFileSync(join(ROOT, file), 'utf8'))
  .join('\n')

test('every finding of the doctor that a page names is one it has', () => {
  const findings = ({ text }: Page): string[] =>
    [...text.matchAll(/`((?:config|services|prometheus|redis|streams|postgres|network|machine)\.[a-z_]+)`/g)]
      .map(([, id = '']) => id)
      .filter((id) => !/\.(yml|conf)$/.test(id) && !DOCTOR.includes(`'${id}'`))
  assert.deepEqual(complaints(everywhere, findings), [])
})

test('the index has every alert in its group, with the first line of its page', () => {
  const meaning = new Map(PAGES.map((page) => [page.name, page.meaning]))
  const index = GROUPS.map(
    ({ name, alerts = [] }) =>
      `### ${name}\n\n${alerts.map((alert) => `- [${alert.name}](${alert.name}.md): ${meaning.get(alert.name)}`).join('\n')}\n`,
  ).join('\n')
  assert.equal(README.text.split('## Index\n')[1]?.trim(), index.trim())
})

test('the checks see what is wrong with a page', () => {
  const text =
    '# Wrong\n\nShort.\n\n## Confirm\n\n```bash\n# a comment is no heading\nredis-cli SET a b\n```\n'
  const page = parsePage('Other', text)
  assert.deepEqual(
    page.sections.map(({ heading }) => heading),
    ['Confirm'],
  )
  assert.equal(page.blocks.length, 1)
  assert.match(page.blocks[0]?.text ?? '', WRITES)
})
