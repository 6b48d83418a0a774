/**
 * Applies a plan inside one transaction. Laws:
 *
 * - A change is applied only when its rev is above the one remembered for its uri (`millrace.record_rev`, tombstones included),
 *   so events may come in any order, any number of times, from any number of writers.
 * - Rows are locked in one order everywhere: `record_rev` by key, then table by table in the registry's order, each by its sort
 *   key. Two writers can wait for each other's rows but not in a circle; where a conflict still wins, the transaction repeats.
 * - Aggregates and notifications follow from the rows that really changed, never from the events.
 */
import type { Deltas } from './aggregates.ts'
import { bookkeepingColumns, type Collection, type Notification, type Row } from './collection.ts'
import { resolveDuplicates } from './duplicates.ts'
import { keepPast, type Keeping } from './keep-past.ts'
import { insertNotifications } from './notifications.ts'
import { linkIds, type Former, type Happened, type Voided } from './past.ts'
import type { Change } from './plan.ts'
import { DATED_BY_FETCH, DATED_LIVE, keepDating, redate } from './redate.ts'
import { deleteRows, insertRows, ofKind, run, type Tx } from './sql.ts'
import { deleteRecords, writeRecords, type Written } from './write-records.ts'

export type Applied = {
  /** Changes whose rev was above the remembered one. */
  readonly applied: readonly Change[]
  /** Changes already applied at exactly this rev, by an earlier delivery: what follows from them is settled again. */
  readonly repeated: readonly Change[]
  readonly stale: readonly Change[]
  /** Backfilled puts that repeat the very version stored: nothing to write. */
  readonly unchanged: readonly Change[]
  readonly rowsWritten: number
  readonly notifications: number
  /** Ids of the links that came or went (past.ts). */
  readonly links: readonly string[]
}

/** Where changes are written. The caller writes the deltas, as late as it can: their rows are the ones that everybody wants. */
export type Target = { readonly tx: Tx; readonly schema: string; readonly deltas: Deltas }

type Context = Target & {
  readonly notifications: Notification[]
  readonly happened: ReadonlyMap<Collection, Happened>
}

/** Changes that are not to be applied, but happened. */
export type Missed = {
  readonly overtaken: readonly Change[]
  readonly voided: readonly Voided[]
  /** Live puts of the batch that a backfill in it overtook. */
  readonly predating: readonly Change[]
}

export const writeChanges = async (
  target: Target,
  changes: readonly Change[],
  missed: Missed,
): Promise<Applied> => {
  const { tx, schema } = target
  const guard = await guardRevs(ofKind(tx, 'guard'), changes)
  const overtaken = [...missed.overtaken, ...guard.stale]
  const effect = await writeGuarded(target, guard.applied, { ...missed, overtaken })
  await keepDating(ofKind(tx, 'guard'), effect.unchanged)
  const redated = await redate(ofKind(tx, 'guard'), schema, [...missed.predating, ...guard.stale])
  if (redated.length === 0) return { ...guard, ...effect }
  const again = await writeRedated(target, redated)
  const isRedated = new Set(redated)
  return {
    applied: [...guard.applied, ...redated],
    repeated: guard.repeated,
    stale: guard.stale.filter((change) => !isRedated.has(change)),
    unchanged: effect.unchanged,
    rowsWritten: effect.rowsWritten + again.rowsWritten,
    notifications: effect.notifications + again.notifications,
    links: [...effect.links, ...again.links],
  }
}

const NOTHING_MISSED: Missed = { overtaken: [], voided: [], predating: [] }

type Effect = Pick<Applied, 'unchanged' | 'rowsWritten' | 'notifications' | 'links'>

/** Writes changes whose revs have been guarded. `missed` null: what they replace was no version of its own. */
export const writeGuarded = async (
  { tx, schema, deltas }: Target,
  changes: readonly Change[],
  missed: Missed | null = NOTHING_MISSED,
): Promise<Effect> => {
  const records = ofKind(tx, 'records')
  const written = await writeRecords(records, schema, changes)
  const deleted = await deleteRecords(records, schema, changes)
  const { fresh, replaced, unchanged } = written
  const { removed } = deleted
  const former = new Map([...written.former, ...deleted.former])
  const happened = missed ? happenedBy(changes, missed, former) : new Map<Collection, Happened>()
  const context = { tx: ofKind(tx, 'typed'), schema, deltas, notifications: [], happened }
  let rowsWritten = fresh.length + replaced.length + removed.length

  await forget(tx, schema, [...removed, ...replaced])
  const gone = groupByCollection([...removed, ...replaced])
  const come = groupByCollection([...fresh, ...replaced])
  for (const collection of new Set([...gone.keys(), ...come.keys(), ...happened.keys()].sort(byNsid))) {
    rowsWritten += await writeCollection(
      context,
      collection,
      gone.get(collection) ?? [],
      come.get(collection) ?? [],
    )
  }
  const notifications = await insertNotifications(ofKind(tx, 'notifications'), schema, context.notifications)
  const { overtaken = [], voided = [] } = missed ?? {}
  const links = linkIds([...changes, ...overtaken, ...voided.map(({ change }) => change)], former)
  return { unchanged, rowsWritten: rowsWritten + notifications, notifications, links }
}

/** The version that stands, once more with another date; what it said before is no past. */
const writeRedated = (target: Target, redated: readonly Change[]): Promise<Effect> =>
  writeGuarded(target, redated, null)

/** What happened to records whose past is kept, by collection. */
const happenedBy = (
  changes: readonly Change[],
  { overtaken, voided }: Missed,
  former: Former,
): ReadonlyMap<Collection, Happened> => {
  const all = [...changes, ...overtaken, ...voided.map(({ change }) => change)]
  const collections = new Set(all.flatMap(({ collection }) => (collection.past ? [collection] : [])))
  const line = (collection: Collection): [Collection, Happened] => {
    const isOf = (change: Change) => change.collection === collection
    return [
      collection,
      {
        applied: changes.filter(isOf),
        overtaken: overtaken.filter(isOf),
        voided: voided.filter(({ change }) => isOf(change)),
        former,
      },
    ]
  }
  return new Map([...collections].map(line))
}

const byNsid = (a: Collection, b: Collection): number => (a.nsid < b.nsid ? -1 : 1)

const guardRevs = async (tx: Tx, changes: readonly Change[]) => {
  if (changes.length === 0) return { applied: [], repeated: [], stale: [] }
  const won = await run<{ key: string }>(tx, {
    name: 'guard_revs',
    text: `insert into millrace.record_rev as r (key, rev, deleted, dating)
      select i.key, i.rev, i.deleted, case when i.live then ${DATED_LIVE} else ${DATED_BY_FETCH} end
        from unnest($1::uuid[], $2::bigint[], $3::boolean[], $4::boolean[]) as i(key, rev, deleted, live) order by i.key
      on conflict (key) do update set rev = excluded.rev, deleted = excluded.deleted,
          dating = excluded.dating, "formerDating" = r.dating where r.rev < excluded.rev
      returning key`,
    values: [
      changes.map(({ key }) => key),
      changes.map(({ rev }) => rev.toString()),
      changes.map(({ put }) => put === null),
      changes.map(({ live }) => live),
    ],
  })
  const keys = new Set(won.map(({ key }) => key))
  const applied = changes.filter(({ key }) => keys.has(key))
  const rest = changes.filter(({ key }) => !keys.has(key))
  const repeated = await repeatedOf(tx, rest)
  const again = new Set(repeated)
  return { applied, repeated, stale: rest.filter((change) => !again.has(change)) }
}

const repeatedOf = async (tx: Tx, changes: readonly Change[]): Promise<readonly Change[]> => {
  if (changes.length === 0) return []
  const same = await run<{ key: string }>(tx, {
    name: 'repeated_revs',
    text: `select r.key from unnest($1::uuid[], $2::bigint[]) as i(key, rev)
      join millrace.record_rev r on r.key = i.key and r.rev = i.rev`,
    values: [changes.map(({ key }) => key), changes.map(({ rev }) => rev.toString())],
  })
  const keys = new Set(same.map(({ key }) => key))
  return changes.filter(({ key }) => keys.has(key))
}

const groupByCollection = <C extends Change>(changes: readonly C[]): Map<Collection, C[]> =>
  Map.groupBy(changes, ({ collection }) => collection)

/** Takes the old rows of a collection away, puts the new ones in, settles who holds a duplicate key. */
const writeCollection = async (
  context: Context,
  collection: Collection,
  gone: readonly Change[],
  come: readonly Written[],
): Promise<number> => {
  const { tx, schema, deltas, notifications } = context
  const removed = await removeRows(context, collection, gone)
  const puts = come.filter(({ put }) => put.row !== null)
  const inserted = collection.table
    ? await insertRows(tx, {
        schema,
        table: collection.table,
        rows: puts.map(({ put }) => put.row as Row),
        orderBy: [...(collection.duplicateKey ?? []), 'uri'],
        returning: ['uri'],
      })
    : []
  const resolved = await resolveDuplicates(ofKind(tx, 'duplicates'), schema, collection, {
    removed,
    puts: puts.map(({ put }) => put),
    inserted: new Set(inserted.map(({ uri }) => uri as string)),
  })
  for (const row of resolved.lost) deltas.addRow(collection.counts ?? [], row, -1)
  for (const { row } of resolved.won) deltas.addRow(collection.counts ?? [], row, 1)
  for (const { row, put } of resolved.won) notifications.push(...(collection.notifies?.(row, put) ?? []))
  const satelliteRows = await insertSatellites(context, collection, come)
  return resolved.lost.length + resolved.won.length + satelliteRows
}

const removeRows = async (
  { tx, schema, deltas, happened }: Context,
  collection: Collection,
  gone: readonly Change[],
): Promise<readonly Row[]> => {
  const uris = gone.map(({ uri }) => uri).sort()
  const past = happened.get(collection)
  const keeping = past ? keepPast(schema, collection, past) : null
  const removed = await deleteTyped(tx, { schema, collection, keeping }, uris)
  if (uris.length === 0) return []
  for (const { table, owner, counts = [] } of collection.satellites ?? []) {
    const returning = [...new Set([owner, ...counts.map(({ by }) => by)])]
    const rows = await deleteRows(ofKind(tx, 'satellites'), { schema, table, owner, returning }, uris)
    for (const row of rows) deltas.addRow(counts, row, -1)
  }
  return removed
}

/** What versions that are gone had waited for, and what they told. */
const forget = async (tx: Tx, schema: string, gone: readonly Change[]): Promise<void> => {
  const urisOf = (some: readonly Change[]) => some.map(({ uri }) => uri).sort()
  const rivals = urisOf(gone.filter(({ collection }) => collection.duplicateKey))
  await deleteRows(ofKind(tx, 'duplicates'), { schema, table: 'duplicate_record', owner: 'uri' }, rivals)
  const untold = urisOf(gone.filter(({ collection, put }) => put || !collection.keepsNotifications))
  await deleteRows(ofKind(tx, 'notifications'), { schema, table: 'notification', owner: 'recordUri' }, untold)
}

/** The typed rows out, and into the tables of the past what is kept of them, in one statement. */
const deleteTyped = async (
  tx: Tx,
  { schema, collection, keeping }: { schema: string; collection: Collection; keeping: Keeping | null },
  uris: readonly string[],
): Promise<readonly Row[]> => {
  const { table } = collection
  if (!table) return []
  const returning = bookkeepingColumns(collection)
  if (!keeping) return deleteRows(tx, { schema, table, owner: 'uri', returning }, uris)
  return run<Row>(tx, {
    name: `keep_${schema}_${table}`,
    writes: table,
    text: `with kept as (${keeping.text})
      delete from ${schema}."${table}" where uri = any($1::text[]) returning ${returning.map((column) => `"${column}"`).join(', ')}`,
    values: [uris, ...keeping.values],
  })
}

const insertSatellites = async (
  { tx, schema, deltas }: Context,
  collection: Collection,
  come: readonly Written[],
): Promise<number> => {
  const satellite = ofKind(tx, 'satellites')
  let written = 0
  for (const [index, { table, owner, counts = [] }] of (collection.satellites ?? []).entries()) {
    const rows = come.flatMap(({ put }) => put.satellites[index] ?? [])
    const returning = [...new Set([owner, ...counts.map(({ by }) => by)])]
    const inserted = await insertRows(satellite, { schema, table, rows, orderBy: [owner], returning })
    for (const row of inserted) deltas.addRow(counts, row, 1)
    written += inserted.length
  }
  return written
}
