/** By which part of the lexicon operations are counted, and a count of one commit's. Pure; any path belongs somewhere. */
export const NAMESPACES = [
  'app.bsky.feed',
  'app.bsky.graph',
  'app.bsky.actor',
  'app.bsky.other',
  'chat.bsky',
  'other',
] as const
export type Namespace = (typeof NAMESPACES)[number]

export const OPERATION_OUTCOMES = ['kept', 'filtered', 'dropped'] as const
export type OperationOutcome = (typeof OPERATION_OUTCOMES)[number]

/** `path`: `<collection>/<record key>`, or whatever an upstream sends in its place. */
export const namespaceOf = (path: string): Namespace => {
  if (path.startsWith('chat.bsky.')) return 'chat.bsky'
  if (!path.startsWith('app.bsky.')) return 'other'
  if (path.startsWith('feed.', 9)) return 'app.bsky.feed'
  if (path.startsWith('graph.', 9)) return 'app.bsky.graph'
  return path.startsWith('actor.', 9) ? 'app.bsky.actor' : 'app.bsky.other'
}

export type OperationCount = {
  readonly namespace: Namespace
  readonly outcome: OperationOutcome
  count: number
}
export type OperationCounts = readonly OperationCount[]

/** Most commits have one operation and so one row. */
export class Tally {
  readonly counts: OperationCount[] = []

  count(path: string, outcome: OperationOutcome): void {
    const namespace = namespaceOf(path)
    const row = this.counts.find((each) => each.namespace === namespace && each.outcome === outcome)
    if (row === undefined) this.counts.push({ namespace, outcome, count: 1 })
    else row.count++
  }
}
