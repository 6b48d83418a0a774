/**
 * A case of a rule: series as a Prometheus would have scraped them every 15 s, and what is expected at certain moments. Labels
 * and severity of an alert are typed in by hand, so that a rule that changes its mind cannot agree with itself.
 */

/** Samples 15 s apart; null where a scrape brought none. */
export type Samples = readonly (number | null)[]

/** Series name with labels to its samples. */
export type Input = Readonly<Record<string, Samples>>

/** A moment as minutes since the first sample. */
type Minutes = number

export type AlertCase = {
  readonly alert: string
  readonly says: string
  readonly input: Input
  /** Labels of what fires, as Prometheus writes them, without name and state. Several: several alerts at once. */
  readonly labels?: string | readonly string[]
  readonly fires?: readonly Minutes[]
  readonly silent?: readonly Minutes[]
  /** Seconds between samples and evaluations, where 15 would be too many. */
  readonly step?: number
}

export type RecordingCase = {
  readonly record: string
  readonly input: Input
  /** Minute to the expected samples: labels (`{stream="a"}`, `{}`) to value. */
  readonly at: Readonly<Record<number, Readonly<Record<string, number>>>>
  readonly step?: number
}

const PER_MINUTE = 4

/** `value` for so many minutes. */
export const flat = (value: number | null, minutes: number): Samples =>
  Array.from({ length: minutes * PER_MINUTE }, () => value)

/** From `from` on, rising by `perMinute`, for so many minutes. */
export const ramp = (from: number, perMinute: number, minutes: number): Samples =>
  Array.from({ length: minutes * PER_MINUTE }, (_, i) => from + (i * perMinute) / PER_MINUTE)

export const then = (...parts: readonly Samples[]): Samples => parts.flat()

/** Nothing scraped. */
export const gone = (minutes: number): Samples => flat(null, minutes)

/** A counter that stands, jumps by `by` at `minute`, and stands again, for `minutes` in all. */
export const jump = (by: number, minute: number, minutes: number): Samples =>
  then(flat(0, minute), flat(by, minutes - minute))

/** A counter that rises by `perMinute` from `from` to `until`, before and after which it stands. */
export const rise = (perMinute: number, from: number, until: number, minutes: number): Samples =>
  then(flat(0, from), ramp(0, perMinute, until - from), flat(perMinute * (until - from), minutes - until))
