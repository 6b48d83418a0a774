/**
 * One entry of the input stream, from delivery to its fate. Owns what follows from how a repo ended: acknowledged, left pending
 * for a later attempt, put back to the end of the stream, or set aside. Guarantees that an entry is acknowledged only after
 * everything it led to is durable, and that one repo never stops the others.
 */
import { decodeBackfill, encodeEvent } from '../event/codec.ts'
import type { BackfillEvent } from '../event/event.ts'
import { TransientError } from '../lib/errors.ts'
import type { Delivery } from '../stream/consumer.ts'
import type { Held, RepoEnd } from './accounts.ts'
import { RepoFailure, VERDICTS, type Verdict } from './classify.ts'
import { accountEventOf } from './convert.ts'
import type { Intake } from './intake.ts'
import { Abandoned, appendSurely, write, writeRepo, type OutputContext } from './output.ts'
import type { Progress } from './progress.ts'
import { withSnapshot, type SnapshotContext } from './snapshot.ts'

export type WorkContext = SnapshotContext &
  OutputContext & { readonly intake: Intake; readonly progress: Progress }

/** Rejects only when our own state is wrong. */
export const work = async (entry: Delivery, context: WorkContext): Promise<void> => {
  const held = context.accounts.repos.hold(1)
  try {
    await attempt({ entry, held }, context)
  } catch (error) {
    held.end('left')
    if (!isLeftPending(error, context)) throw error
  } finally {
    held.close()
  }
}

/** A stop, or a store that stayed away: the entry is delivered again, and doing it twice does no harm. */
const isLeftPending = (error: unknown, { stop, abandon }: WorkContext): boolean =>
  error instanceof Abandoned ||
  error instanceof TransientError ||
  abandon.aborted ||
  (stop.aborted && error === stop.reason)

/** An entry, and its place in the account of entries. */
type Taken = { readonly entry: Delivery; readonly held: Held<RepoEnd> }

const attempt = async ({ entry, held }: Taken, context: WorkContext): Promise<void> => {
  const { intake, metrics, progress } = context
  const event = decodeBackfill(entry.fields)
  if ('poison' in event) {
    metrics.poison.inc({ reason: event.poison })
    await intake.bury(entry, event.poison, 'the entry is not the JSON of a repo')
    return held.end('dead_lettered')
  }
  if (entry.deliveries > 1) metrics.retries.inc()
  try {
    await backfill(event, context)
  } catch (error) {
    if (!(error instanceof RepoFailure)) throw error
    return settle({ entry, held, event }, error, context)
  }
  await intake.done(entry)
  held.end('processed')
  metrics.processed.inc()
  metrics.lastSuccess.set(Date.now() / 1000)
  progress.count('reposProcessed')
}

const backfill = ({ did }: BackfillEvent, context: WorkContext): Promise<void> =>
  withSnapshot(did, context, async (snapshot, repo) => {
    const written = await writeRepo(snapshot, repo, context)
    context.progress.count('recordsExtracted', written)
  })

type Delivered = Taken & { readonly event: BackfillEvent }

const settle = async (delivered: Delivered, failure: RepoFailure, context: WorkContext): Promise<void> => {
  const verdict = VERDICTS[failure.reason]
  context.progress.failed(failure, verdict.reaction)
  switch (verdict.reaction) {
    case 'skip':
      return skip(delivered, failure, verdict, context)
    case 'wait':
      return postpone(delivered, failure, context)
    case 'retry':
    case 'bury':
      return fail(delivered, failure, verdict, context)
  }
}

const skip = async (
  { entry, held, event }: Delivered,
  { reason }: RepoFailure,
  { account }: Verdict,
  context: WorkContext,
): Promise<void> => {
  if (account !== null) {
    const inactive = accountEventOf(event.did, account, new Date().toISOString())
    await write([encodeEvent(inactive)], context)
  }
  await context.intake.done(entry)
  held.end('skipped')
  context.metrics.skipped.inc({ reason })
}

/** The entry goes behind everything that can be done now: first its copy, then the acknowledgement. */
const postpone = async (
  { entry, held }: Delivered,
  { reason }: RepoFailure,
  context: WorkContext,
): Promise<void> => {
  await appendSurely(context.settings.inputStream, [entry.fields], context)
  await context.intake.done(entry)
  held.end('postponed')
  context.metrics.failures.inc({ reason })
  context.metrics.postponed.inc()
}

const fail = async (
  { entry, held }: Delivered,
  { reason, message }: RepoFailure,
  { reaction, stage }: Verdict,
  { intake, metrics }: WorkContext,
): Promise<void> => {
  metrics.failed.inc()
  metrics.failures.inc({ reason })
  if (stage === 'identity' || stage === 'fetch') metrics.fetchErrors.inc()
  if (stage === 'parse') metrics.parseErrors.inc()
  if (stage === 'verification') metrics.verificationErrors.inc()
  const error = message.slice(0, MAX_ERROR_CHARS)
  if (reaction === 'bury') {
    await intake.bury(entry, reason, error)
    return held.end('dead_lettered')
  }
  const fate = await intake.fail(entry, reason, error)
  held.end(fate === 'dead' ? 'dead_lettered' : 'failed')
}

const MAX_ERROR_CHARS = 500
