/**
 * One entry of the input stream, from delivery to its fate. Owns what follows from how a repo ended: acknowledged, left pending
 * for a later attempt, put back to the end of the stream, or set aside. Guarantees that an entry is acknowledged only after
 * everything it led to is durable, and that one repo never stops the others.
 */
import { decodeBackfill, encodeEvent, type EntryFields } from '../event/codec.ts'
import type { BackfillEvent } from '../event/event.ts'
import type { Entry } from '../stream/log.ts'
import { RepoFailure, VERDICTS, type Verdict } from './classify.ts'
import { accountEventOf } from './convert.ts'
import { Abandoned, appendSurely, write, writeRepo, type OutputContext } from './output.ts'
import type { Progress } from './progress.ts'
import { withSnapshot, type SnapshotContext } from './snapshot.ts'

/** The input stream as one delivered entry sees it. */
export interface Intake {
  /** The work is done: acknowledge. */
  done(entry: Entry): Promise<void>
  /** Try again after the backoff that its deliveries call for; resolves with what became of it. */
  fail(entry: Entry, reason: string, error: string): Promise<'pending' | 'dead'>
  /** Set aside now. */
  bury(entry: Entry, reason: string, error: string): Promise<void>
}

export type WorkContext = SnapshotContext &
  OutputContext & { readonly intake: Intake; readonly progress: Progress }

/** Rejects only when our own state is wrong. */
export const work = async (entry: Entry, context: WorkContext): Promise<void> => {
  const { intake, metrics, progress } = context
  // Deleted by somebody while it was pending: nothing is left to do but to forget it.
  if (entry.fields === null) return intake.done(entry)
  const event = decodeBackfill(entry.fields)
  if ('poison' in event) {
    metrics.poison.inc({ reason: event.poison })
    metrics.deadLettered.inc()
    return intake.bury(entry, event.poison, 'the entry is not the JSON of a repo')
  }
  if (entry.deliveries > 1) metrics.retries.inc()
  try {
    await backfill(event, context)
    await intake.done(entry)
    metrics.processed.inc()
    progress.count('reposProcessed')
  } catch (error) {
    if (error instanceof Abandoned || context.abandon.aborted || isStop(error, context)) return
    if (!(error instanceof RepoFailure)) throw error
    await settle({ entry, fields: entry.fields, event }, error, context)
  }
}

const isStop = (error: unknown, { stop }: WorkContext): boolean => stop.aborted && error === stop.reason

const backfill = ({ did }: BackfillEvent, context: WorkContext): Promise<void> =>
  withSnapshot(did, context, async (snapshot, repo) => {
    const written = await writeRepo(snapshot, repo, context)
    context.progress.count('recordsExtracted', written)
  })

type Delivered = { readonly entry: Entry; readonly fields: EntryFields; readonly event: BackfillEvent }

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
  { entry, event }: Delivered,
  { reason }: RepoFailure,
  { account }: Verdict,
  context: WorkContext,
): Promise<void> => {
  if (account !== null) {
    const told = await unlessAbandoned(() =>
      write([encodeEvent(accountEventOf(event.did, account, new Date().toISOString()))], context),
    )
    if (!told) return
  }
  await context.intake.done(entry)
  context.metrics.skipped.inc({ reason })
}

/** The entry goes behind everything that can be done now: first its copy, then the acknowledgement. */
const postpone = async (
  { entry, fields }: Delivered,
  { reason }: RepoFailure,
  context: WorkContext,
): Promise<void> => {
  const moved = await unlessAbandoned(() => appendSurely(context.settings.inputStream, [fields], context))
  if (!moved) return
  await context.intake.done(entry)
  context.metrics.failures.inc({ reason })
  context.metrics.postponed.inc()
}

const fail = async (
  { entry }: Delivered,
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
  const fate =
    reaction === 'bury' ? await intake.bury(entry, reason, error) : await intake.fail(entry, reason, error)
  if (fate !== 'pending') metrics.deadLettered.inc()
}

const MAX_ERROR_CHARS = 500

const unlessAbandoned = async (step: () => Promise<void>): Promise<boolean> => {
  try {
    await step()
    return true
  } catch (error) {
    if (error instanceof Abandoned) return false
    throw error
  }
}
