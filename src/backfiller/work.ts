/**
 * One entry of the input stream, from delivery to its fate. Owns what follows from how a repo ended: acknowledged, left pending
 * for a later attempt, put back to the end of the stream, or set aside. Guarantees that an entry is acknowledged only after
 * everything it led to is durable, and that one repo never stops the others.
 */
import { decodeBackfill, encodeEvent } from '../event/codec.ts'
import type { BackfillEvent } from '../event/event.ts'
import { TransientError } from '../lib/errors.ts'
import type { Delivery } from '../stream/consumer.ts'
import type { Fields } from '../stream/log.ts'
import type { Held, RepoEnd } from './accounts.ts'
import { isAttempt, RepoFailure, VERDICTS, type Verdict } from './classify.ts'
import { accountEventOf } from './convert.ts'
import { heldForMs, markHeld } from './hold.ts'
import type { Intake } from './intake.ts'
import { Abandoned, appendSurely, write, writeRepo, type OutputContext } from './output.ts'
import type { Progress } from './progress.ts'
import { withSnapshot, type SnapshotContext, type UseSnapshot } from './snapshot.ts'

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
    await backfill(event, isHeldAgain(entry, context), context)
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

const backfill = ({ did }: BackfillEvent, heldAgain: boolean, context: WorkContext): Promise<void> => {
  const use: UseSnapshot = async (snapshot, repo) => {
    const written = await writeRepo(snapshot, repo, context)
    context.progress.count('recordsExtracted', written)
  }
  return withSnapshot(did, context, use, heldAgain)
}

/** At the first and at the last time a fresh look at the DID document may show that the account has moved. */
const isHeldAgain = ({ fields }: Delivery, { settings }: WorkContext): boolean => {
  const forMs = heldForMs(fields)
  return forMs !== null && forMs < settings.hostAwayMs
}

type Delivered = Taken & { readonly event: BackfillEvent }

const settle = async (delivered: Delivered, failure: RepoFailure, context: WorkContext): Promise<void> => {
  const verdict = VERDICTS[failure.reason]
  context.progress.failed(failure, verdict.reaction)
  if (verdict.reaction !== 'skip') countFailure(failure, context)
  switch (verdict.reaction) {
    case 'skip':
      return skip(delivered, failure, verdict, context)
    case 'wait':
      return postpone(delivered, delivered.entry.fields, context)
    case 'hold':
      return hold(delivered, failure, context)
    case 'retry':
      return fail(delivered, failure, context)
    case 'bury':
      return bury(delivered, failure, context)
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
  { entry, held }: Taken,
  fields: Fields,
  { settings, intake, metrics, ...context }: WorkContext,
): Promise<void> => {
  await appendSurely(settings.inputStream, [fields], { settings, metrics, ...context })
  await intake.done(entry)
  held.end('postponed')
  metrics.postponed.inc()
}

/** As long as its host is away it costs no attempt; but not for ever. */
const hold = async (taken: Taken, { reason, message }: RepoFailure, context: WorkContext): Promise<void> => {
  const { entry, held } = taken
  const { intake, settings } = context
  if ((heldForMs(entry.fields) ?? 0) < settings.hostAwayMs) {
    return postpone(taken, markHeld(entry.fields), context)
  }
  await intake.giveUp(entry, reason, message.slice(0, MAX_ERROR_CHARS))
  held.end('dead_lettered')
}

const fail = async (
  { entry, held }: Taken,
  { reason, message }: RepoFailure,
  { intake }: WorkContext,
): Promise<void> => {
  const fate = await intake.fail(entry, reason, message.slice(0, MAX_ERROR_CHARS))
  held.end(fate === 'dead' ? 'dead_lettered' : 'failed')
}

const bury = async (
  { entry, held }: Taken,
  { reason, message }: RepoFailure,
  { intake }: WorkContext,
): Promise<void> => {
  await intake.bury(entry, reason, message.slice(0, MAX_ERROR_CHARS))
  held.end('dead_lettered')
}

const MAX_ERROR_CHARS = 500

/** Every failure by its reason; as a failed attempt only what was attempted. */
const countFailure = ({ reason }: RepoFailure, { metrics }: WorkContext): void => {
  metrics.failures.inc({ reason })
  if (!isAttempt(reason)) return
  const { stage } = VERDICTS[reason]
  metrics.failed.inc()
  if (stage === 'identity' || stage === 'fetch') metrics.fetchErrors.inc()
  if (stage === 'parse') metrics.parseErrors.inc()
  if (stage === 'verification') metrics.verificationErrors.inc()
}
