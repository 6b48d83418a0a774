/** Mutants that mean the same as their rule: no input tells them apart, so no case can. Each with its reason. */
import type { Mutant } from './mutants.ts'
import type { Rule } from './promtool.ts'

type Reason = { readonly of: RegExp; readonly mutant: RegExp; readonly because: string }

const ZERO_SUM =
  /^(SequenceGap|OutdatedCursor|RepoRangesSkipped|BackfillStalled|IndexerStuck|StreamEntriesLost|DatabaseErrors|PrometheusRuleFailures)$/

const REASONS: readonly Reason[] = [
  {
    of: ZERO_SUM,
    mutant: /^aggregation: sum → max/,
    because: 'a sum of numbers that are not negative is 0 exactly when the largest of them is',
  },
  {
    of: /^IngesterErrors$/,
    mutant: /^aggregation: sum → max/,
    because: 'its labels name every series, so each sum is of one',
  },
  {
    of: /^IdentityQueueStuck$/,
    mutant: /^aggregation: sum → max .*unless on \(job\) max/s,
    because: 'a sum of numbers that are not negative is 0 exactly when the largest of them is',
  },
  { of: /^Watchdog$/, mutant: /^number/, because: 'vector(x) fires whatever x is' },
  { of: /^InfoInhibitor$/, mutant: /^comparison: > → >=/, because: 'count() of nothing is nothing, never 0' },
  { of: /^FirehoseBehind$/, mutant: /^number: 0 → 1 /, because: 'no event is of the first second of 1970' },
  {
    of: /^stream:drain_seconds:eta$/,
    mutant: /^(comparison: > → >=)/,
    because: '0 / 0 is no number and 0 / +slope is 0, which the other side says as well',
  },
  {
    of: /^HighWaterMarkUnreachable$/,
    mutant: /^(comparison: > → >=|number: 0 → 1 )/,
    because: 'sizes are fractions of bytes far from 1, and no case can hit the capacity to the last bit',
  },
  {
    of: /^(FramesUnreadable|BackfillerFailureRatio|VerificationFailures|IndexerErrorRatio|DatabaseConflicts|PrometheusNotificationErrors|DatabaseSlow|IntakeAboveDrain|IdentityQueueStuck)$/,
    mutant: /^comparison: > → >=/,
    because: 'ratios and slopes of extrapolated counters hit their limit to the last bit by chance only',
  },
]

export const equivalent = (rule: Rule, { kind, what }: Mutant): boolean =>
  REASONS.some(
    ({ of, mutant }) => of.test(rule.alert ?? rule.record ?? '') && mutant.test(`${kind}: ${what}`),
  )
