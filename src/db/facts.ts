/**
 * What a PostgreSQL server says of itself and of our database: figures an operator watches. Owns the questions, which any role
 * may ask and which cost milliseconds whatever the size of the tables; when to ask is others' business. Not known is NaN.
 */
import type { Queryable } from './queryable.ts'

export type ServerFacts = {
  readonly connections: number
  readonly connectionsLimit: number
  readonly longestTransactionSeconds: number
  readonly sequenceUsedRatio: number
  readonly sizeBytes: number
  readonly deadlocks: number
}

/** What ordinary roles may open, all together. */
const LIMIT = `(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true)::int, 0))::float8`

/** What other roles do is hidden from an ordinary one, and so is the kind of their backends: they count as clients. */
const SERVER = `
  select
    (select count(*) from pg_stat_activity
      where datid is not null and coalesce(backend_type, 'client backend') = 'client backend')::float8 as connections,
    ${LIMIT} as "connectionsLimit",
    (select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()
        and backend_type = 'client backend')::float8 as "longestTransactionSeconds",
    pg_database_size(current_database())::float8 as "sizeBytes",
    (select deadlocks from pg_stat_database where datname = current_database())::float8 as deadlocks`

/** A bigint sequence that fills an integer column ends at 2,147,483,647: what it owns or serves as a default decides. */
const SEQUENCES = `
  with filled as (
    select d.objid as sequence, d.refobjid as relation, d.refobjsubid as attribute from pg_depend d
      where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
    union
    select d.refobjid, a.adrelid, a.adnum from pg_depend d join pg_attrdef a on a.oid = d.objid
      where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass)
  select max(s.last_value / least(s.max_value::float8,
      case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 else s.max_value end))::float8 as used
    from pg_sequences s
      join pg_class c on c.relname = s.sequencename and c.relkind = 'S'
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = s.schemaname
      left join filled f on f.sequence = c.oid
      left join pg_attribute a on a.attrelid = f.relation and a.attnum = f.attribute
    where s.schemaname = $1 and s.increment_by > 0
    having bool_or(has_sequence_privilege(c.oid, 'USAGE, SELECT'))`

type SequenceLine = { readonly used: number | null }

export const readFacts = async (db: Queryable, schema: string): Promise<ServerFacts> => {
  const server = await db.query<Omit<ServerFacts, 'sequenceUsedRatio'>>({ text: SERVER })
  const sequences = await db.query<SequenceLine>({ text: SEQUENCES, values: [schema] })
  const [facts] = server.rows
  if (!facts) throw new Error('a select without a table gave no row')
  const [line] = sequences.rows
  // No line: none that we may read. A sequence that was never used has no last value: nothing of it is used.
  return { ...facts, sequenceUsedRatio: line === undefined ? NaN : (line.used ?? 0) }
}

/** The `connectionsLimit` of the facts alone. */
export const readConnectionsLimit = async (db: Queryable): Promise<number> => {
  const { rows } = await db.query<{ limit: number }>({ text: `select ${LIMIT} as "limit"` })
  return rows[0]?.limit ?? NaN
}
