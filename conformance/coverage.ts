/** Whether a run compared what it claims to: an empty table, question or rule proves nothing. Pure. */
import { COLLECTIONS } from '../src/indexer/collections/index.ts'
import type { History } from '../test/conformance/history.ts'
import { collectionOf } from '../test/conformance/history.ts'
import type { Rule } from '../test/conformance/rule.ts'
import type { AnswerReport, CollectionReport } from './report.ts'
import type { TableReport } from './compare.ts'

/** How often each collection was written, in the order of the registry. */
export const operationsOf = (history: History): CollectionReport[] =>
  COLLECTIONS.map(({ nsid }) => {
    const versions = history.uris
      .filter((uri) => collectionOf(uri) === nsid)
      .flatMap((uri) => history.versions(uri))
    const count = (wanted: string) => versions.filter(({ type }) => type === wanted).length
    return { nsid, created: count('create'), updated: count('update'), deleted: count('delete') }
  })

type Run = {
  readonly collections: readonly CollectionReport[]
  readonly tables: readonly TableReport[]
  readonly answers: readonly AnswerReport[]
  readonly labelled: number
  readonly rules: Readonly<Record<string, number>>
  /** Those that must have had something to explain. */
  readonly required: readonly Rule[]
}

export const hollow = ({ collections, tables, answers, labelled, rules, required }: Run): string[] => [
  ...collections
    .filter(({ created, deleted }) => created === 0 || deleted === 0)
    .map(({ nsid }) => `${nsid}: not created, or not deleted`),
  ...tables.filter(({ theirs }) => theirs === 0).map(({ table }) => `table ${table}: no row`),
  ...answers.filter(({ items }) => items === 0).map(({ name }) => `${name}: nothing in any answer`),
  ...(labelled === 0 ? ['labels: in no answer'] : []),
  ...required.filter(({ name }) => rules[name] === undefined).map(({ name }) => `rule "${name}": no case`),
]
