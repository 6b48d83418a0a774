import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { findWay } from './pooler.ts'

type Asked = string | { readonly name: string }

/** A connection whose server is `pid`, and prepares what is named under `rename`d names. */
const connection = (pid: number, rename: (name: string) => string) => {
  const prepared = new Set<string>()
  const sent: string[] = []
  const query = async (what: Asked, values?: readonly string[]) => {
    if (typeof what === 'object') prepared.add(rename(what.name))
    else sent.push(what.split(' ')[0] ?? '')
    if (typeof what === 'string' && what.startsWith('DEALLOCATE')) prepared.delete(what.split(' ')[1] ?? '')
    return { rows: [{ pid }], rowCount: values?.some((name) => prepared.has(name)) ? 1 : 0 }
  }
  return { client: { processID: 7, query } as unknown as pg.ClientBase, prepared, sent }
}

test('without a pooler one question is enough', async () => {
  const { client, sent } = connection(7, (name) => name)
  assert.equal(await findWay(client), 'direct')
  assert.equal(sent.length, 1)
})

test('a pooler that renames statements keeps them, and one that passes names on is left without ours', async () => {
  assert.equal(
    await findWay(connection(8, (name) => `PGBOUNCER_${name.length}`).client),
    'pooler_keeps_names',
  )
  const passing = connection(8, (name) => name)
  assert.equal(await findWay(passing.client), 'pooler_passes_names')
  assert.equal(passing.prepared.size, 0)
})
