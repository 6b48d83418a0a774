/** The facts that the rules of thread gates ask about, fetched for many replies at once. */
import { uriDid } from './collection.ts'
import { mentionedDids, type Gate, type GateFacts } from './thread.ts'
import { run, type Tx } from './sql.ts'

/** "May `creator` reply under `root`, whose gate is `gate`?" */
export type GateQuestion = { readonly root: string; readonly creator: string; readonly gate: Gate }

type Pair = readonly [string, string]
const pairKey = (pair: Pair): string => pair.join('\n')

export const loadGateFacts = async (
  tx: Tx,
  schema: string,
  questions: readonly GateQuestion[],
): Promise<(root: string) => GateFacts> => {
  const mentions = await loadMentions(
    tx,
    schema,
    questions.map(({ root }) => root),
  )
  const follows = await loadFollows(
    tx,
    schema,
    questions.flatMap(({ root, creator }): Pair[] => [
      [uriDid(root), creator],
      [creator, uriDid(root)],
    ]),
  )
  const listed = await loadListed(
    tx,
    schema,
    questions.flatMap(({ creator, gate }) =>
      (gate.record.allow ?? []).flatMap(({ list }): Pair[] => (list ? [[list, creator]] : [])),
    ),
  )
  return (root) => ({
    rootOwner: uriDid(root),
    mentioned: mentions.get(root) ?? [],
    follows: (a, b) => follows.has(pairKey([a, b])),
    isListed: (list, did) => listed.has(pairKey([list, did])),
  })
}

const loadMentions = async (
  tx: Tx,
  schema: string,
  roots: readonly string[],
): Promise<Map<string, string[]>> => {
  if (roots.length === 0) return new Map()
  const found = await run<{ uri: string; json: string }>(tx, {
    name: `load_roots_${schema}`,
    text: `select uri, json from ${schema}.record where uri = any($1::text[])`,
    values: [[...new Set(roots)]],
  })
  type Root = { readonly facets?: Parameters<typeof mentionedDids>[0] }
  return new Map(found.map(({ uri, json }) => [uri, mentionedDids((JSON.parse(json) as Root).facets)]))
}

const loadFollows = (tx: Tx, schema: string, pairs: readonly Pair[]): Promise<ReadonlySet<string>> =>
  loadPairs(tx, pairs, {
    name: `load_follows_${schema}`,
    text: `select creator as a, "subjectDid" as b from ${schema}.follow
      where (creator, "subjectDid") in (select * from unnest($1::text[], $2::text[]))`,
  })

const loadListed = (tx: Tx, schema: string, pairs: readonly Pair[]): Promise<ReadonlySet<string>> =>
  loadPairs(tx, pairs, {
    name: `load_listed_${schema}`,
    text: `select "listUri" as a, "subjectDid" as b from ${schema}.list_item
      where ("listUri", "subjectDid") in (select * from unnest($1::text[], $2::text[]))`,
  })

const loadPairs = async (
  tx: Tx,
  pairs: readonly Pair[],
  statement: { name: string; text: string },
): Promise<ReadonlySet<string>> => {
  if (pairs.length === 0) return new Set()
  const values = [pairs.map(([a]) => a), pairs.map(([, b]) => b)]
  const found = await run<{ a: string; b: string }>(tx, { ...statement, values })
  return new Set(found.map(({ a, b }) => pairKey([a, b])))
}
