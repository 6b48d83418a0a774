/**
 * How a listing goes on after an answer. Pure: one state, two transitions. Owns page sizes and patience; guarantees that each
 * failure leads to a wait, a smaller page or a search, so that nothing loops at full speed and nothing is skipped lightly.
 */

export type Walk = {
  /** null: the beginning. */
  readonly cursor: string | null
  readonly limit: number
  /** In a row. */
  readonly failures: number
  /** A cursor that the host has refused once before: a second refusal is a failure like any other. */
  readonly refused: string | null
}

export const PAGE_LIMIT = 1_000
/** Failures of one request before the page is made smaller. */
export const PATIENCE = 3

export const startWalk = (cursor: string | null): Walk => ({
  cursor,
  limit: PAGE_LIMIT,
  failures: 0,
  refused: null,
})

/** After a page. A page below full size does not win back patience: the bad place is near. */
export const onPage = (walk: Walk, cursor: string | null): Walk => {
  const limit = Math.min(PAGE_LIMIT, walk.limit * 2)
  return { ...walk, cursor, limit, failures: walk.limit === PAGE_LIMIT ? 0 : PATIENCE }
}

export type Failure = {
  /** The host answered 400. */
  readonly refused: boolean
  /** The host named a time to wait: it is busy, the page is not bad. */
  readonly retryAfterMs: number | null
}

/**
 * `wait`: the same again after a backoff (or the host's own time). `shrink`: half the page. `reset`: the beginning, as the host
 * does not know the cursor. `search`: a single repo fails; look for where the list goes on. `stuck`: as `search`, but the cursor
 * cannot be stepped.
 */
export type Reaction = {
  readonly kind: 'wait' | 'shrink' | 'reset' | 'search' | 'stuck'
  readonly walk: Walk
}

export const onFailure = (walk: Walk, { refused, retryAfterMs }: Failure): Reaction => {
  if (retryAfterMs !== null) return { kind: 'wait', walk }
  if (refused && walk.cursor !== null && walk.refused !== walk.cursor) {
    return { kind: 'reset', walk: { ...startWalk(null), refused: walk.cursor } }
  }
  const failures = walk.failures + 1
  if (failures <= PATIENCE) return { kind: 'wait', walk: { ...walk, failures } }
  if (walk.limit > 1)
    return { kind: 'shrink', walk: { ...walk, failures, limit: Math.floor(walk.limit / 2) } }
  return { kind: stepOf(walk.cursor) === null ? 'stuck' : 'search', walk: { ...walk, failures } }
}

/** The cursor as a number that may be stepped; the beginning counts as 0. Null for an opaque cursor. */
export const stepOf = (cursor: string | null): number | null => {
  if (cursor === null) return 0
  const value = Number(cursor)
  return /^\d+$/.test(cursor) && Number.isSafeInteger(value) ? value : null
}

/** Steps beyond a bad place double up to about a million positions: further ahead it is the host that fails, not a place. */
const MAX_STEP = 2 ** 20

/**
 * The first position after `from` that answers, or null when none does. `answers` asks for a single repo behind a position; true
 * is proof. The bad place is taken to be in one piece. When `from` itself answers in the end it is returned: nothing is skipped
 * because a host was down for a while.
 */
export const findNext = async (
  from: number,
  answers: (position: number) => Promise<boolean>,
): Promise<number | null> => {
  let bad = 0
  let good = 1
  while (!(await answers(from + good))) {
    bad = good
    good *= 2
    if (good > MAX_STEP) return null
  }
  while (good - bad > 1) {
    const middle = Math.floor((bad + good) / 2)
    if (await answers(from + middle)) good = middle
    else bad = middle
  }
  return (await answers(from)) ? from : from + good
}
