/**
 * Whether named statements can be trusted on a connection. Owns that one question. Guarantees that nothing is left behind, and
 * that a server without a pooler costs one round trip.
 *
 * A pooler that lends connections by transaction either renames our statements and prepares them wherever they are used
 * (PgBouncer from 1.21 on with max_prepared_statements above 0), or passes their names on: then one that was prepared on one
 * connection is unknown on the next (26000), or there already (42P05). Who passes names on is taken for one that lends by transaction.
 */
import { randomBytes } from 'node:crypto'
import type pg from 'pg'

export type Way = 'direct' | 'pooler_keeps_names' | 'pooler_passes_names'

/** The driver's types leave out what the server said of its process at the start. */
type Told = { readonly processID?: number | null }

export const findWay = async (client: pg.ClientBase): Promise<Way> => {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  if (rows[0]?.pid === (client as Told).processID) return 'direct'
  return (await passesNames(client)) ? 'pooler_passes_names' : 'pooler_keeps_names'
}

/** In one transaction, so on one connection: is the statement there under the name that we gave it? */
const passesNames = async (client: pg.ClientBase): Promise<boolean> => {
  const name = `millrace_probe_${randomBytes(6).toString('hex')}`
  await client.query('BEGIN')
  await client.query({ name, text: 'SELECT 1' })
  const found = await client.query('SELECT 1 FROM pg_prepared_statements WHERE name = $1', [name])
  const isThere = found.rowCount === 1
  if (isThere) await client.query(`DEALLOCATE ${name}`)
  await client.query('COMMIT')
  return isThere
}
