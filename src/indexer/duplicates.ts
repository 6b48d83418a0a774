/**
 * Records that say the same thing twice: two likes of one post by one account. One of them holds the row, the others wait in
 * `duplicate_record`, and when the holder goes the next one takes its place. Law: the holder is the record with the smallest
 * (indexedAt, uri) of all that are alive, whatever the order of arrival; so every order of events ends in the same rows.
 */
import {
  bookkeepingColumns,
  uriDid,
  uriRkey,
  type Collection,
  type Put,
  type Row,
  type WonRow,
} from './collection.ts'
import type { PlannedPut } from './plan.ts'
import { deleteRows, insertRows, run, type Tx } from './sql.ts'

type Input = {
  /** Rows taken away. */
  readonly removed: readonly Row[]
  /** Puts that want a row. */
  readonly puts: readonly PlannedPut[]
  /** Uris of the puts whose row went in at once. */
  readonly inserted: ReadonlySet<string>
}

type Resolved = {
  /** Rows that are no longer in the table. */
  readonly lost: readonly Row[]
  /** Rows that are in the table now. */
  readonly won: readonly WonRow[]
}

export const resolveDuplicates = async (
  tx: Tx,
  schema: string,
  collection: Collection,
  { removed, puts, inserted }: Input,
): Promise<Resolved> => {
  const asWon = (put: PlannedPut): WonRow => ({ row: put.row as Row, put })
  const direct = puts.filter(({ uri }) => inserted.has(uri)).map(asWon)
  const key = collection.duplicateKey
  if (!key || !collection.table) return { lost: removed, won: direct }
  const waiting = puts.filter(({ uri }) => !inserted.has(uri)).map(asWon)
  const freed = await duplicatesOf(
    tx,
    schema,
    collection,
    removed.map(({ uri }) => uri as string),
  )
  const contenders = [...waiting, ...freed]
  if (contenders.length === 0) return { lost: removed, won: direct }
  const settled = await settleHolders(tx, schema, collection, contenders)
  // A row that went in and out again within this transaction never was.
  const ousted = new Set(settled.lost.map(({ uri }) => uri))
  const stillDirect = direct.filter(({ row }) => !ousted.has(row['uri'] as string))
  const wasDirect = new Set(direct.map(({ row }) => row['uri']))
  return {
    lost: [...removed, ...settled.lost.filter(({ uri }) => !wasDirect.has(uri as string))],
    won: [...stillDirect, ...settled.won],
  }
}

/** The waiting duplicates of holders that are gone, as rows again; held, so that none is deleted while it is promoted. */
const duplicatesOf = async (
  tx: Tx,
  schema: string,
  collection: Collection,
  uris: readonly string[],
): Promise<WonRow[]> => {
  if (uris.length === 0) return []
  // A statement of its own, so that the next one sees what was committed while this one waited. None are added meanwhile: their
  // holder is deleted.
  const held = await run(tx, {
    name: `hold_duplicates_of_${schema}`,
    text: `select 1 from ${schema}.record where uri in
        (select uri from ${schema}.duplicate_record where "duplicateOf" = any($1::text[])) order by uri for update`,
    values: [uris],
  })
  if (held.length === 0) return []
  type Line = { uri: string; cid: string; indexedAt: string; json: string }
  const lines = await run<Line>(tx, {
    name: `duplicates_of_${schema}`,
    text: `select d.uri, r.cid, d."indexedAt", r.json from ${schema}.duplicate_record d
      join ${schema}.record r on r.uri = d.uri where d."duplicateOf" = any($1::text[]) order by d.uri`,
    values: [uris],
  })
  return lines.flatMap(({ uri, cid, indexedAt, json }) => {
    const record = JSON.parse(json) as Put['record']
    const put = { uri, cid, indexedAt, record, did: uriDid(uri), rkey: uriRkey(uri) }
    const row = collection.isValid(record) ? collection.row?.(put) : null
    return row && typeof row !== 'string' ? [{ row, put }] : []
  })
}

const keyOf = (key: readonly string[], row: Row): string =>
  key.map((column) => String(row[column])).join('\n')

const isOlder = (a: Row, b: Row): boolean =>
  a['indexedAt'] === b['indexedAt']
    ? (a['uri'] as string) < (b['uri'] as string)
    : (a['indexedAt'] as string) < (b['indexedAt'] as string)

/** For each contested key: who holds it now, and who should. */
const settleHolders = async (
  tx: Tx,
  schema: string,
  collection: Collection,
  contenders: readonly WonRow[],
): Promise<Resolved> => {
  const key = collection.duplicateKey ?? []
  const contested = new Map<string, WonRow[]>()
  for (const contender of contenders) {
    const id = keyOf(key, contender.row)
    contested.set(id, [...(contested.get(id) ?? []), contender])
  }
  const holders = new Map(
    (await holdersOf(tx, schema, collection, contenders)).map((row) => [keyOf(key, row), row] as const),
  )
  const lost: Row[] = []
  const won: WonRow[] = []
  const waiting: { uri: string; cid: string; duplicateOf: string; indexedAt: string }[] = []
  for (const [id, rivals] of contested) {
    const holder = holders.get(id)
    const best = rivals.reduce((a, b) => (isOlder(b.row, a.row) ? b : a))
    const keeps = holder !== undefined && isOlder(holder, best.row)
    const winner = (keeps ? holder : best.row)['uri'] as string
    if (!keeps) won.push(best)
    if (!keeps && holder) lost.push(holder)
    const losers = [...rivals.map(({ row }) => row), ...(holder ? [holder] : [])].filter(
      ({ uri }) => uri !== winner,
    )
    for (const row of losers) {
      const { uri, cid, indexedAt } = row as Record<string, string>
      waiting.push({ uri: uri ?? '', cid: cid ?? '', duplicateOf: winner, indexedAt: indexedAt ?? '' })
    }
  }
  await exchange(tx, schema, collection, { lost, won })
  await remember(tx, schema, waiting, won)
  return { lost, won }
}

const holdersOf = (tx: Tx, schema: string, collection: Collection, contenders: readonly WonRow[]) => {
  const key = collection.duplicateKey ?? []
  const columns = [...new Set([...bookkeepingColumns(collection), 'cid'])]
  return run<Row>(tx, {
    name: `holders_${schema}_${collection.table}`,
    text: `select ${columns.map((column) => `t."${column}"`).join(', ')} from ${schema}."${collection.table}" t
      where (${key.map((column) => `t."${column}"`).join(', ')}) in
        (select * from unnest(${key.map((_, index) => `$${index + 1}::text[]`).join(', ')}))
      order by ${key.map((column) => `t."${column}"`).join(', ')} for update`,
    values: key.map((column) => contenders.map(({ row }) => row[column])),
  })
}

/** A writer that took a key between our look and our insert: the transaction is to be repeated. */
export class HolderChanged extends Error {
  override readonly name = 'HolderChanged'
}

const exchange = async (
  tx: Tx,
  schema: string,
  { table = '', duplicateKey = [] }: Collection,
  { lost, won }: Resolved,
): Promise<void> => {
  const uris = lost.map(({ uri }) => uri as string)
  await deleteRows(tx, { schema, table, owner: 'uri' }, uris)
  // Also where notifications outlive their record: in the order of the stream this one never held the row.
  await deleteRows(tx, { schema, table: 'notification', owner: 'recordUri' }, uris)
  const rows = won.map(({ row }) => row)
  const inserted = await insertRows(tx, {
    schema,
    table,
    rows,
    orderBy: [...duplicateKey, 'uri'],
    returning: ['uri'],
  })
  if (inserted.length !== rows.length) throw new HolderChanged(`${table}: a holder changed hands meanwhile`)
}

const remember = async (
  tx: Tx,
  schema: string,
  waiting: readonly { uri: string; cid: string; duplicateOf: string; indexedAt: string }[],
  won: readonly WonRow[],
): Promise<void> => {
  const promoted = won.map(({ row }) => row['uri'] as string)
  await deleteRows(tx, { schema, table: 'duplicate_record', owner: 'uri' }, promoted)
  await insertRows(tx, {
    schema,
    table: 'duplicate_record',
    rows: waiting,
    orderBy: ['uri'],
    conflict: ['uri'],
    set: ['cid', 'duplicateOf'],
  })
  // Whoever waited behind a former holder now waits behind the new one.
  const moved = waiting.filter(({ duplicateOf }) => promoted.includes(duplicateOf))
  if (moved.length === 0) return
  await run(tx, {
    name: `repoint_${schema}_duplicates`,
    writes: 'duplicate_record',
    text: `update ${schema}.duplicate_record d set "duplicateOf" = i.holder
      from unnest($1::text[], $2::text[]) as i(former, holder) where d."duplicateOf" = i.former`,
    values: [moved.map(({ uri }) => uri), moved.map(({ duplicateOf }) => duplicateOf)],
  })
}
