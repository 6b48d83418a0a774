/**
 * The facts that the rules of thread gates ask about, as they were at the moment of each reply, fetched for many replies at
 * once. Law: before the facts of a reply are read, what it depends on is written down and committed (`millrace.gate_question`);
 * so whoever brings one of them, however late, either is seen here or finds the reply there.
 */
import { uriDid, type Link } from './collection.ts'
import { linkId, subjectId } from './past.ts'
import { mentionedDids, rulesFor, type Gate, type GateFacts } from './thread.ts'
import { run, type Tx } from './sql.ts'
import { moment } from './time.ts'

/** "Might `creator` reply under `root` at `time`, when its gate was `gate`?" */
export type GateQuestion = {
  readonly uri: string
  readonly root: string
  readonly creator: string
  readonly time: string
  readonly gate: Gate
}

/** The links a question asks for, by rule. */
const linksOf = ({ root, creator, gate }: GateQuestion): readonly Link[] => {
  const owner = uriDid(root)
  return (rulesFor(creator, owner, gate) ?? []).flatMap(({ $type, list }): Link[] => {
    if ($type === 'app.bsky.feed.threadgate#followingRule') return [[owner, creator]]
    if ($type === 'app.bsky.feed.threadgate#followerRule') return [[creator, owner]]
    return $type === 'app.bsky.feed.threadgate#listRule' && list ? [[list, creator]] : []
  })
}

const asksForMentions = ({ root, creator, gate }: GateQuestion): boolean =>
  (rulesFor(creator, uriDid(root), gate) ?? []).some(
    ({ $type }) => $type === 'app.bsky.feed.threadgate#mentionRule',
  )

/** Writes down what the answers depend on; resolves with the replies of which that was not known before. */
export const noteQuestions = async (
  tx: Tx,
  questions: readonly GateQuestion[],
): Promise<readonly string[]> => {
  const pairs = questions.flatMap((question) => [
    ...linksOf(question).map((link) => [linkId(link), question.uri] as const),
    ...(asksForMentions(question) ? [[subjectId('root', question.root), question.uri] as const] : []),
  ])
  return writeQuestions(tx, pairs)
}

/** "When this subject comes, look at that post again." */
export const writeQuestions = async (
  tx: Tx,
  pairs: readonly (readonly [subject: string, post: string])[],
): Promise<readonly string[]> => {
  if (pairs.length === 0) return []
  const written = await run<{ post: string }>(tx, {
    name: 'gate_questions',
    text: `insert into millrace.gate_question (subject, post)
      select distinct * from unnest($1::uuid[], $2::text[]) as i(subject, post) order by subject, post
      on conflict do nothing returning post`,
    values: [pairs.map(([subject]) => subject), pairs.map(([, post]) => post)],
  })
  return written.map(({ post }) => post)
}

/** The answers to questions, each for its own time. */
export const loadGateFacts = async (
  tx: Tx,
  schema: string,
  questions: readonly GateQuestion[],
): Promise<(question: GateQuestion) => GateFacts> => {
  const mentions = await loadMentions(
    tx,
    schema,
    questions.filter(asksForMentions).map(({ root }) => root),
  )
  const links = await loadLinks(tx, schema, questions.flatMap(linksOf))
  return ({ root, time }) => ({
    rootOwner: uriDid(root),
    mentioned: mentions.get(root) ?? [],
    follows: (a, b) => isLinked(links.get(linkId([a, b])), time),
    isListed: (list, did) => isLinked(links.get(linkId([list, did])), time),
  })
}

/** As the newest version of the root says, also when it was deleted. */
const loadMentions = async (
  tx: Tx,
  schema: string,
  roots: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  if (roots.length === 0) return new Map()
  const found = await run<{ uri: string; json: string | null; mentions: string[] }>(tx, {
    name: `load_roots_${schema}`,
    text: `select uri, json, '{}'::text[] as mentions from ${schema}.record where uri = any($1::text[])
      union all select d.uri, null, d.mentions from millrace.deleted_post d where d.uri = any($1::text[])
        and not exists (select 1 from ${schema}.record r where r.uri = d.uri)`,
    values: [[...new Set(roots)]],
  })
  type Root = { readonly facets?: Parameters<typeof mentionedDids>[0] }
  return new Map(
    found.map(({ uri, json, mentions }) => [
      uri,
      json === null ? mentions : mentionedDids((JSON.parse(json) as Root).facets),
    ]),
  )
}

/** A time for which a link was there. */
type Span = {
  readonly link: string
  readonly createdAt: string
  readonly indexedAt: string
  readonly until: string | null
}

const isLinked = (spans: readonly Span[] = [], time: string): boolean =>
  spans.some((span) => moment(span) <= time && (span.until === null || time < span.until))

const loadLinks = async (
  tx: Tx,
  schema: string,
  links: readonly Link[],
): Promise<ReadonlyMap<string, readonly Span[]>> => {
  if (links.length === 0) return new Map()
  const byId = new Map(links.map((link) => [linkId(link), link]))
  const spans = await run<Span>(tx, {
    name: `load_links_${schema}`,
    text: `with i as (select * from unnest($1::uuid[], $2::text[], $3::text[]) as i(link, a, b))
      select i.link::text, f."createdAt", f."indexedAt", null as until
        from i join ${schema}.follow f on f.creator = i.a and f."subjectDid" = i.b
      union all select i.link::text, l."createdAt", l."indexedAt", null
        from i join ${schema}.list_item l on l."listUri" = i.a and l."subjectDid" = i.b
      union all select v.link::text, v."createdAt", v.at,
          (select min(n.at) from millrace.past_link n where n.key = v.key and n.at > v.at)
        from i join millrace.past_link v on v.link = i.link`,
    values: [[...byId.keys()], [...byId.values()].map(([a]) => a), [...byId.values()].map(([, b]) => b)],
  })
  return Map.groupBy(spans, ({ link }) => link)
}
