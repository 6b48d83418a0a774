/**
 * docs/conformance.md, from the rules themselves: `node test/conformance/document.ts --write`. A test holds the file to it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import type { Rule } from './rule.ts'
import { BACKFILL_RULES } from './rules-backfill.ts'
import { HISTORY_RULES } from './rules-history.ts'
import { LIVING_RULES } from './rules-living.ts'
import { REFERENCE_RULES, silentMessages } from './rules-reference.ts'

const FILE = join(import.meta.dirname, '../../docs/conformance.md')

const INTRODUCTION = `# Conformance

\`test/fixtures/network\` holds a small network, captured byte by byte: 386 messages of a firehose, the repositories, DID documents
and handles behind them, and \`golden.json\`, the rows of 30 tables that the reference indexer (\`@atproto/bsky\` 0.0.280) made of the
messages in their order. \`test/conformance\` holds Millrace to it:

| run | test |
| --- | --- |
| live firehose through ingester, streams, indexer; \`#sync\` fetched by the backfiller | \`live.pg.test.ts\` |
| listRepos and getRepo of the same network | \`backfill.pg.test.ts\` |
| events straight into the tables: in order one by one, in batches, twice, shuffled, three appliers at once | \`replay.pg.test.ts\` |
| the worst interleavings of two appliers | \`interleaved.pg.test.ts\` |
| real accounts' repositories | \`repos.pg.fixtures.test.ts\` |
| entries of rsky and of its TypeScript ancestor in, ours out by rsky's rules, on a real Redis | \`rsky-dialect.redis.pg.test.ts\` |

All 30 tables are compared, column by column. A difference passes only when one of the rules below explains it, a rule that
explains nothing fails the test, and each run says how many rows each rule explained. Independently of the golden file, every
aggregate of every run must equal a recount of its rows.

This page is made from the rules (\`node test/conformance/document.ts --write\`).`

const SECTIONS: readonly (readonly [title: string, about: string, rules: readonly Rule[]])[] = [
  [
    'Where the reference is at fault, or reads its own clock',
    'In every run, and when its events are applied one by one in their order the only differences there are.',
    REFERENCE_RULES,
  ],
  [
    'Where the reference is at fault, seen with the living one',
    'The captured network has no case of it; docs/conformance-living.md tells of the one that has.',
    LIVING_RULES,
  ],
  ['What the pipeline adds', 'Found only without it, or only with it.', [silentMessages]],
  [
    'What only history can tell',
    'Where events arrive together, out of order, or never (a backfill).',
    HISTORY_RULES,
  ],
  ['What a backfill cannot know', 'The same records without their past.', BACKFILL_RULES],
]

export const readDocument = (): string => readFileSync(FILE, 'utf8')

export const makeDocument = async (): Promise<string> => {
  const sections = SECTIONS.map(([title, about, rules]) => {
    const lines = rules.map(({ name, reason }) => `- **${name}**: ${reason}`)
    return `## ${title}\n\n${about}\n\n${lines.join('\n')}`
  })
  const text = `${[INTRODUCTION, ...sections].join('\n\n')}\n`
  return format(text, { ...(await resolveConfig(FILE)), parser: 'markdown' })
}

if (process.argv.includes('--write')) writeFileSync(FILE, await makeDocument())
