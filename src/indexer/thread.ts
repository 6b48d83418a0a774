/**
 * The rules of threads and gates: whether a reply hangs where it says it does, whether its root's gate let it in, whether a
 * quoted post allows it. Pure. A gate binds what came after it, as long as it stood: a reply is judged by the version that
 * counted at its moment, and by the facts of that moment.
 */

export type Gate = {
  readonly record: { readonly allow?: readonly GateRule[]; readonly hiddenReplies?: readonly string[] }
}
export type GateRule = { readonly $type?: string; readonly list?: string }

export type Parent = {
  readonly replyRoot: string | null
  readonly invalidReplyRoot: boolean
}

export type Reply = {
  readonly creator: string
  readonly root: string
  readonly parent: string
}

/**
 * `parent` null: never seen. A parent that was seen and is deleted now ('gone') proves nothing against the reply, which may well
 * have been written before.
 */
export const isInvalidReply = ({ root, parent }: Reply, found: Parent | 'gone' | null): boolean => {
  if (found === 'gone') return false
  if (found === null || found.invalidReplyRoot) return true
  return parent === root ? found.replyRoot !== null : found.replyRoot !== root
}

/** Facts that the rules of a gate ask about. */
export type GateFacts = {
  readonly rootOwner: string
  /** DIDs the root post mentions. */
  readonly mentioned: readonly string[]
  readonly follows: (a: string, b: string) => boolean
  readonly isListed: (list: string, did: string) => boolean
}

export const violatesThreadGate = (creator: string, gate: Gate | null, facts: GateFacts): boolean => {
  const rules = rulesFor(creator, facts.rootOwner, gate)
  return rules !== null && !rules.some((rule) => isAllowed(creator, rule, facts))
}

/** The rules of which one must let `creator` in; null: nobody has to be asked. */
export const rulesFor = (
  creator: string,
  rootOwner: string,
  gate: Gate | null,
): readonly GateRule[] | null => {
  const allow = gate?.record.allow
  return creator === rootOwner || !Array.isArray(allow) ? null : (allow as readonly GateRule[])
}

const isAllowed = (creator: string, rule: GateRule, facts: GateFacts): boolean => {
  switch (rule.$type) {
    case 'app.bsky.feed.threadgate#mentionRule':
      return facts.mentioned.includes(creator)
    case 'app.bsky.feed.threadgate#followingRule':
      return facts.follows(facts.rootOwner, creator)
    case 'app.bsky.feed.threadgate#followerRule':
      return facts.follows(creator, facts.rootOwner)
    case 'app.bsky.feed.threadgate#listRule':
      return rule.list !== undefined && facts.isListed(rule.list, creator)
    default:
      return false
  }
}

/** Does a post gate forbid that others embed the post? */
export const forbidsEmbedding = (record: {
  readonly embeddingRules?: readonly { readonly $type?: string }[]
}): boolean =>
  (record.embeddingRules ?? []).some(({ $type }) => $type === 'app.bsky.feed.postgate#disableRule')

type Facet = { readonly features?: readonly { readonly $type?: string; readonly did?: string }[] }

/** The DIDs mentioned in a text, in order. */
export const mentionedDids = (facets: readonly Facet[] | undefined): string[] =>
  (facets ?? []).flatMap(({ features }) =>
    (features ?? []).flatMap(({ $type, did }) =>
      $type === 'app.bsky.richtext.facet#mention' && did ? [did] : [],
    ),
  )
