/** Judges tables, indexes and sequences. Pure. */
import { error, ok, warning, type Finding } from '../finding.ts'
import { countText, percentText, someOf } from '../words.ts'
import type { DatabaseFacts } from './facts.ts'

const SEQUENCE_LIMIT = 0.7
const MANY_DEAD = 100_000

export const checkTables = (facts: DatabaseFacts): Finding[] => [
  checkSchema(facts),
  ...checkInvalid(facts),
  ...checkSequences(facts),
  ...checkDead(facts),
]

const checkSchema = ({ differences }: DatabaseFacts): Finding => {
  if (differences.length === 0)
    return ok('postgres.schema', 'All tables have the shape that statements count on.')
  const absent = differences.filter((difference) => /^table .* is missing$/.test(difference))
  if (absent.length === differences.length && absent.length > 10)
    return error('postgres.schema', `The tables are not there: ${someOf(absent, 2)}.`, {
      why: 'The indexer refuses to start on it (exit code 65).',
      fix: 'millrace migrate --database-url <url>',
    })
  return error(
    'postgres.schema',
    `Its tables differ from what statements count on: ${someOf(differences)}.`,
    {
      why: 'Statements fail, or without a unique index write the same row twice; a restarted indexer refuses the database (exit code 65).',
      fix: differences.every((difference) => difference.includes('no unique index'))
        ? "psql -c 'CREATE UNIQUE INDEX CONCURRENTLY ON <table> (<columns>)'   # as named above; duplicates have to go first"
        : 'millrace migrate --database-url <url>   # makes missing tables; for the rest: the AppView’s own migrations',
    },
  )
}

const checkInvalid = ({ invalidIndexes }: DatabaseFacts): Finding[] =>
  invalidIndexes.length === 0
    ? []
    : [
        warning('postgres.invalid_index', `Indexes that were never finished: ${someOf(invalidIndexes)}.`, {
          why: 'They are written but never used: CREATE INDEX CONCURRENTLY was interrupted.',
          fix: `psql -c 'REINDEX INDEX CONCURRENTLY "${invalidIndexes[0] ?? ''}"'`,
        }),
      ]

const checkSequences = ({ sequences }: DatabaseFacts): Finding[] => {
  const [fullest] = sequences
  const near = sequences.filter(({ used }) => used > SEQUENCE_LIMIT)
  if (fullest === undefined) return []
  if (near.length === 0)
    return [
      ok(
        'postgres.sequences',
        `The fullest sequence, ${fullest.name}, is ${percentText(fullest.used)} used.`,
      ),
    ]
  return near.map(({ name, type, used }) =>
    error(
      'postgres.sequence',
      `Sequence ${name} has used ${percentText(used)} of its column’s type (${type}).`,
      {
        why: 'At its end every INSERT that needs a number fails, in the middle of production.',
        fix: `psql -c 'ALTER TABLE <table> ALTER COLUMN <column> TYPE bigint' -c 'ALTER SEQUENCE "${name}" AS bigint'   # rewrites the table: plan it`,
      },
    ),
  )
}

const checkDead = ({ tables }: DatabaseFacts): Finding[] =>
  tables
    .filter(({ live, dead }) => dead > MANY_DEAD && dead > live * 0.4)
    .map(({ name, live, dead, vacuumed }) =>
      warning(
        'postgres.dead_rows',
        `${name} has ${countText(dead)} dead rows beside ${countText(live)} live ones; vacuumed ${vacuumed ?? 'never'}.`,
        {
          why: 'Every statement on it reads past them, and its indexes grow.',
          fix: `psql -c 'VACUUM (ANALYZE, VERBOSE) "${name}"'   # an open transaction may hold it up: see above`,
        },
      ),
    )
