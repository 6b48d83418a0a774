/**
 * The repos of one relay: `listRepos` to `repo_backfill`, page by page. Guarantees: the cursor of a page is saved in the append
 * of its entries; the end is saved with the last of them; a place that fails for good is passed only when its neighbours answer,
 * and then its range is kept for repair.
 */
import { xrpcGet, XrpcError } from '../atproto/xrpc.ts'
import { encodeBackfill } from '../event/codec.ts'
import { LIST_REPOS_DONE, REPO_BACKFILL, cursorKey } from '../event/streams.ts'
import { backoffMs, jitter, sleep } from '../lib/backoff.ts'
import { TransientError, describeError } from '../lib/errors.ts'
import { retryLevel } from '../lib/logger.ts'
import type { Checkpoint } from '../stream/log.ts'
import { addRange, skippedKey } from './loss.ts'
import { payloadBytes, type Life } from './output.ts'
import { readPage, type Page } from './page.ts'
import { readCheckpoint } from './position.ts'
import type { Room } from './room.ts'
import type { Upstream } from './upstream.ts'
import {
  findNext,
  onFailure,
  onPage,
  startWalk,
  stepOf,
  type Failure,
  type Reaction,
  type Walk,
} from './walk.ts'

type Listing = { readonly upstream: Upstream; readonly room: Room; readonly life: Life; readonly url: string }

/** Resolves when the stop's signal has aborted. The end of the list is not the end of the part: it may be reset. */
export const runRepos = async (upstream: Upstream, room: Room, life: Life): Promise<void> => {
  const listing = { upstream, room, life, url: httpUrl(upstream.host) }
  let walk = startWalk(await readCursor(listing))
  while (!life.stop.aborted) {
    if (walk.cursor === LIST_REPOS_DONE) {
      walk = await rest(listing)
      continue
    }
    await room.output.room(REPO_BACKFILL, life, (waiting) => upstream.pause(waiting))
    const answer = await fetchPage(listing, walk)
    if (life.stop.aborted) break
    walk =
      'failed' in answer
        ? await react(listing, walk, answer.failed)
        : await savePage(listing, walk, answer.page)
  }
  upstream.enter('stopped')
}

/** `bsky.network`, `https://…`, `wss://…` and `http://127.0.0.1:2470` as the base of an HTTP query. */
export const httpUrl = (host: string): string =>
  host.includes('://') ? host.replace(/^ws/i, 'http') : `https://${host}`

/** Where the list goes on: null for the beginning (also a stored 0, which is how operators ask for it). */
const readCursor = async ({ upstream, room, life }: Listing): Promise<string | null> => {
  const stored = await room.output.insist({
    what: `read the listing's cursor of ${upstream.host}`,
    attempt: () => readCheckpoint(room.settings.log, REPO_BACKFILL, upstream.host),
    until: life.stop,
    onFailure: () => room.metrics.errors.inc({ type: 'backfill_cursor' }),
  })
  const value = stored?.value?.value ?? null
  upstream.cursor = value
  return value === '0' || value === '' ? null : value
}

/** The list is complete; whoever wants it walked again deletes the cursor or sets it to 0. */
const rest = async (listing: Listing): Promise<Walk> => {
  const { upstream, room, life } = listing
  upstream.enter('done')
  await sleep(room.settings.doneRecheckMs, life.stop)
  return startWalk(await readCursor(listing))
}

type Answer = { readonly page: Page } | { readonly failed: Failure & { readonly error: unknown } }

const fetchPage = async (
  { upstream, room, life, url }: Listing,
  { cursor, limit }: Walk,
): Promise<Answer> => {
  try {
    const output = await xrpcGet(
      url,
      'com.atproto.sync.listRepos',
      { limit, cursor: cursor ?? undefined },
      { timeoutMs: room.settings.fetchTimeoutMs, maxBytes: MAX_PAGE_BYTES, signal: life.stop },
    )
    const page = readPage(output, url)
    if (page === null) throw new TransientError(`${url} answered listRepos without repos`)
    if (page.cursor !== null && page.cursor === cursor) {
      throw new TransientError(`${url} answered cursor ${cursor} with the same cursor`)
    }
    upstream.gotData()
    return { page }
  } catch (error) {
    if (life.stop.aborted) return { failed: { refused: false, retryAfterMs: null, error } }
    if (!(error instanceof TransientError || error instanceof XrpcError)) throw error
    room.metrics.fetchErrors.inc()
    room.metrics.errors.inc({ type: 'fetch_failed' })
    upstream.failed(describeError(error))
    const refused = error instanceof XrpcError && error.status === 400
    const retryAfterMs = error instanceof TransientError ? (error.retryAfterMs ?? null) : null
    return { failed: { refused, retryAfterMs, error } }
  }
}

/** 1,000 repos take some 250 KB. */
export const MAX_PAGE_BYTES = 8 * 1024 * 1024

const savePage = async (listing: Listing, walk: Walk, page: Page): Promise<Walk> => {
  const { upstream, room, life } = listing
  const { metrics } = room
  metrics.reposFetched.inc(page.listed)
  metrics.reposDropped.inc(page.dropped)
  upstream.enter('live')
  const value = page.cursor ?? LIST_REPOS_DONE
  const checkpoint = { name: cursorKey(REPO_BACKFILL, upstream.host), value }
  if (!(await appendPage(page, checkpoint, { room, life }))) return walk
  metrics.reposWritten.inc(page.repos.length)
  upstream.saved(value)
  return onPage(walk, value)
}

const appendPage = async (
  { repos, listed, dropped }: Page,
  checkpoint: Checkpoint,
  { room, life }: Pick<Listing, 'room' | 'life'>,
): Promise<boolean> => {
  const { inHand, output, ledgers } = room
  const entries = repos.map(encodeBackfill)
  const page = { entries, bytes: payloadBytes(entries) }
  let durable = false
  ledgers.repos.in(listed)
  ledgers.repos.out('dropped', dropped)
  inHand.repos.add(page)
  try {
    durable = await output.append({ stream: REPO_BACKFILL, ...page, checkpoint }, life)
  } finally {
    inHand.repos.delete(page)
    ledgers.repos.out(durable ? 'written' : 'abandoned', entries.length)
  }
  return durable
}

const react = async (
  listing: Listing,
  walk: Walk,
  failed: Failure & { readonly error: unknown },
): Promise<Walk> => {
  const { room, upstream, life } = listing
  const reaction = onFailure(walk, failed)
  const delayMs = delayOf(reaction, failed, room)
  const error = describeError(failed.error)
  const at = { host: upstream.host, cursor: walk.cursor, limit: walk.limit }
  room.logger[retryLevel(delayMs)]({ ...at, error, delayMs, next: reaction.kind }, 'listRepos failed')
  upstream.enter('waiting')
  if (reaction.kind === 'reset') reportReset(listing, walk)
  if (reaction.kind === 'stuck') reportStuck(listing, walk, error)
  if (reaction.kind === 'search') {
    const found = await passBadPlace(listing, reaction.walk)
    if (found !== null) return found
  }
  await sleep(delayMs, life.stop)
  return reaction.walk
}

const delayOf = ({ kind, walk }: Reaction, { retryAfterMs }: Failure, { settings }: Room): number => {
  const { fetchRetry } = settings
  if (retryAfterMs !== null) return Math.max(retryAfterMs, jitter(fetchRetry.initialMs))
  if (kind === 'wait') return jitter(backoffMs(walk.failures, fetchRetry))
  return jitter(kind === 'search' || kind === 'stuck' ? fetchRetry.maxMs : fetchRetry.initialMs)
}

/** Looks for where the list answers again. Null when it does so nowhere: then the host is ill, and we wait. */
const passBadPlace = async (listing: Listing, walk: Walk): Promise<Walk | null> => {
  const { room, life } = listing
  const from = stepOf(walk.cursor) ?? 0
  const answers = async (position: number) => {
    if (life.stop.aborted) return false
    await sleep(jitter(room.settings.fetchRetry.initialMs / 10), life.stop)
    const cursor = position === 0 ? null : String(position)
    const answer = await fetchPage(listing, { ...walk, cursor, limit: 1 })
    return 'page' in answer && stepOf(answer.page.cursor) !== null
  }
  const next = await findNext(from, answers)
  if (next === null || life.stop.aborted) return null
  if (next !== from) await saveSkip(listing, String(from), String(next))
  return { ...walk, cursor: next === 0 ? null : String(next) }
}

const saveSkip = async ({ upstream, room, life }: Listing, from: string, to: string): Promise<void> => {
  const { settings, output, metrics, problems, logger } = room
  const name = skippedKey(REPO_BACKFILL, upstream.host)
  const stored = await output.insist({
    what: 'read the skipped ranges',
    attempt: () => settings.log.checkpoint(name),
    until: life.deadline,
  })
  const value = addRange(stored?.value ?? null, { from, to, at: new Date().toISOString() })
  await output.append({ stream: REPO_BACKFILL, entries: [], bytes: 0, checkpoint: { name, value } }, life)
  const checkpoint = { name: cursorKey(REPO_BACKFILL, upstream.host), value: to }
  await output.append({ stream: REPO_BACKFILL, entries: [], bytes: 0, checkpoint }, life)
  metrics.cursorSkips.inc()
  upstream.saved(to)
  logger.error(
    { host: upstream.host, from, to },
    'a part of the list of repos cannot be read and was skipped',
  )
  problems.add(
    'error',
    `${upstream.host} cannot list its repos after cursor ${from} up to ${to}: they are not queued for backfill.`,
    `The range is kept as checkpoint ${name}. Queue these repos by hand, or list another relay that holds them.`,
  )
}

const reportReset = ({ room, upstream }: Listing, { cursor }: Walk): void => {
  room.metrics.cursorResets.inc()
  room.problems.add(
    'warning',
    `${upstream.host} refused the saved listRepos cursor ${cursor}: its list is walked again from the beginning.`,
    'Nothing to do: repos that are known already cost a fetch. When it happens again the host gives out cursors that it does not accept.',
  )
}

const reportStuck = ({ room, upstream }: Listing, { cursor }: Walk, error: string): void => {
  room.problems.add(
    'error',
    `${upstream.host} cannot list its repos after cursor ${cursor}, and that cursor cannot be stepped over: ${error}.`,
    'It is tried again every minute. List another relay, or set the cursor by hand to one behind the bad place.',
  )
}
