/**
 * Applies a plan inside one transaction. Laws:
 *
 * - A change is applied only when its rev is above the one remembered for its uri (`millrace.record_rev`, tombstones included),
 *   so events may come in any order, any number of times, from any number of writers.
 * - Rows are locked in one order everywhere: `record_rev` by key, then table by table in the registry's order, each by its sort
 *   key. Two writers can wait for each other's rows but not in a circle; where a conflict still wins, the transaction repeats.
 * - Aggregates and notifications follow from the rows that really changed, never from the events.
 */
import { Deltas } from './aggregates.ts'
import { bookkeepingColumns, type Collection, type Notification, type Row } from './collection.ts'
import { resolveDuplicates } from './duplicates.ts'
import { insertNotifications } from './notifications.ts'
import type { Change, PlannedPut } from './plan.ts'
import { deleteRows, insertRows, ofKind, run, type Tx } from './sql.ts'

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
}

type Context = {
  readonly tx: Tx
  readonly schema: string
  readonly deltas: Deltas
  readonly notifications: Notification[]
}

export const writeChanges = async (tx: Tx, schema: string, changes: readonly Change[]): Promise<Applied> => {
  const guard = await guardRevs(ofKind(tx, 'guard'), changes)
  return { ...guard, ...(await writeGuarded(tx, schema, guard.applied)) }
}

type Effect = Pick<Applied, 'unchanged' | 'rowsWritten' | 'notifications'>

/** Writes changes whose revs have been guarded. */
export const writeGuarded = async (tx: Tx, schema: string, changes: readonly Change[]): Promise<Effect> => {
  const records = ofKind(tx, 'records')
  const { fresh, replaced, unchanged } = await writeRecords(records, schema, changes)
  const context: Context = { tx: ofKind(tx, 'typed'), schema, deltas: new Deltas(), notifications: [] }
  const removed = await deleteRecords(records, schema, changes)
  let rowsWritten = fresh.length + replaced.length + removed.length

  const gone = groupByCollection([...removed, ...replaced])
  const come = groupByCollection([...fresh, ...replaced])
  for (const collection of new Set([...gone.keys(), ...come.keys()].sort(byNsid))) {
    rowsWritten += await writeCollection(
      context,
      collection,
      gone.get(collection) ?? [],
      come.get(collection) ?? [],
    )
  }
  const notifications = await insertNotifications(ofKind(tx, 'notifications'), schema, context.notifications)
  await context.deltas.write(ofKind(tx, 'aggregates'), schema)
  return { unchanged, rowsWritten: rowsWritten + notifications, notifications }
}

const byNsid = (a: Collection, b: Collection): number => (a.nsid < b.nsid ? -1 : 1)

const guardRevs = async (tx: Tx, changes: readonly Change[]) => {
  if (changes.length === 0) return { applied: [], repeated: [], stale: [] }
  const won = await run<{ key: string }>(tx, {
    name: 'guard_revs',
    text: `insert into millrace.record_rev as r (key, rev, deleted)
      select i.key, i.rev, i.deleted from unnest($1::uuid[], $2::bigint[], $3::boolean[]) as i(key, rev, deleted) order by i.key
      on conflict (key) do update set rev = excluded.rev, deleted = excluded.deleted where r.rev < excluded.rev
      returning key`,
    values: [
      changes.map(({ key }) => key),
      changes.map(({ rev }) => rev.toString()),
      changes.map(({ put }) => put === null),
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

type Written = Change & { readonly put: PlannedPut }
const isPut = (change: Change): change is Written => change.put !== null

/**
 * Writes `record`. A backfill of the very version that is stored asks for nothing more: when the record came live is known
 * better. Told live, the same version again (there and back within a batch) is news like any other, whether or not we saw
 * what was in between.
 */
const writeRecords = async (tx: Tx, schema: string, applied: readonly Change[]) => {
  const puts = applied.filter(isPut)
  const rows = puts.map(({ put: { uri, cid, did, json, indexedAt } }) => ({ uri, cid, did, json, indexedAt }))
  const inserted = await insertRows(tx, {
    schema,
    table: 'record',
    rows,
    orderBy: ['uri'],
    returning: ['uri'],
  })
  const isFresh = new Set(inserted.map(({ uri }) => uri))
  const present = puts.filter(({ uri }) => !isFresh.has(uri))
  const changed = await updateRecords(tx, schema, present)
  return {
    fresh: puts.filter(({ uri }) => isFresh.has(uri)),
    replaced: present.filter(({ uri }) => changed.has(uri)),
    unchanged: present.filter(({ uri }) => !changed.has(uri)),
  }
}

const updateRecords = async (
  tx: Tx,
  schema: string,
  puts: readonly Written[],
): Promise<ReadonlySet<string>> => {
  if (puts.length === 0) return new Set()
  const rows = await run<{ uri: string }>(tx, {
    name: `update_${schema}_record`,
    writes: 'record',
    text: `update ${schema}.record t set cid = i.cid, json = i.json, "indexedAt" = i."indexedAt"
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[]) as i(uri, cid, json, "indexedAt", live)
      where t.uri = i.uri and (t.cid <> i.cid or i.live) returning t.uri`,
    values: [
      puts.map(({ uri }) => uri),
      puts.map(({ put }) => put.cid),
      puts.map(({ put }) => put.json),
      puts.map(({ put }) => put.indexedAt),
      puts.map(({ live }) => live),
    ],
  })
  return new Set(rows.map(({ uri }) => uri))
}

const deleteRecords = async (
  tx: Tx,
  schema: string,
  applied: readonly Change[],
): Promise<readonly Change[]> => {
  const deletes = applied.filter((change) => !isPut(change))
  const rows = await deleteRows(
    tx,
    { schema, table: 'record', owner: 'uri' },
    deletes.map(({ uri }) => uri),
  )
  const was = new Set(rows.map(({ uri }) => uri))
  return deletes.filter(({ uri }) => was.has(uri))
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
  const at = new Map(gone.map((change) => [change.uri, change.at]))
  for (const row of resolved.lost) {
    // A holder that only made room for an older record is not gone: it waits as a duplicate.
    const time = at.get(row['uri'] as string)
    if (time !== undefined) notifications.push(...(collection.notifiesRemoval?.(row, time) ?? []))
  }
  const satelliteRows = await insertSatellites(context, collection, come)
  return resolved.lost.length + resolved.won.length + satelliteRows
}

const removeRows = async (
  { tx, schema, deltas }: Context,
  collection: Collection,
  gone: readonly Change[],
): Promise<readonly Row[]> => {
  const uris = gone.map(({ uri }) => uri).sort()
  if (uris.length === 0 || !collection.table) return []
  const removed = await deleteRows(
    tx,
    { schema, table: collection.table, owner: 'uri', returning: bookkeepingColumns(collection) },
    uris,
  )
  for (const { table, owner, counts = [] } of collection.satellites ?? []) {
    const returning = [...new Set([owner, ...counts.map(({ by }) => by)])]
    const rows = await deleteRows(ofKind(tx, 'satellites'), { schema, table, owner, returning }, uris)
    for (const row of rows) deltas.addRow(counts, row, -1)
  }
  const duplicates = ofKind(tx, 'duplicates')
  if (collection.duplicateKey)
    await deleteRows(duplicates, { schema, table: 'duplicate_record', owner: 'uri' }, uris)
  const replaced = gone.flatMap(({ uri, put }) => (put ? uri : []))
  const forgotten = collection.keepsNotifications ? replaced.sort() : uris
  const notifications = ofKind(tx, 'notifications')
  await deleteRows(notifications, { schema, table: 'notification', owner: 'recordUri' }, forgotten)
  return removed
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
