/** What the backfiller remembers of itself for those who ask in words: totals, the last problems, when it last got anywhere. */
import { ProblemList, type Problem } from '../monitoring/status.ts'
import { isAttempt, type Reaction, type RepoFailure } from './classify.ts'

const TOTALS = ['reposProcessed', 'reposSkipped', 'reposFailed', 'recordsExtracted'] as const
export type Total = (typeof TOTALS)[number]

export class Progress {
  readonly #totals = Object.fromEntries(TOTALS.map((total) => [total, 0])) as Record<Total, number>
  readonly #problems = new ProblemList()
  #movedAt = performance.now()

  /** Milliseconds since any repo came to an end or any record was written. */
  get stillMs(): number {
    return performance.now() - this.#movedAt
  }

  get totals(): Readonly<Record<Total, number>> {
    return this.#totals
  }

  get problems(): readonly Problem[] {
    return this.#problems.list()
  }

  count(total: Total, by = 1): void {
    this.#totals[total] += by
    this.#movedAt = performance.now()
  }

  /** A repo came to an end without being processed. By reason, not by repo: a list of a million DIDs helps nobody. */
  failed({ reason, message }: RepoFailure, reaction: Reaction): void {
    if (reaction === 'skip') this.count('reposSkipped')
    else this.count('reposFailed', isAttempt(reason) ? 1 : 0)
    if (reaction === 'skip') return
    const severity = reason === 'unexpected' ? 'error' : reaction === 'bury' ? 'warning' : 'info'
    this.#problems.add(
      severity,
      `A repo could not be had: ${reason}`,
      `${TODO[reaction]} Last error: ${message}`,
    )
  }

  problem(severity: Problem['severity'], what: string, todo: string): void {
    this.#problems.add(severity, what, todo)
  }
}

const TODO: Readonly<Record<Exclude<Reaction, 'skip'>, string>> = {
  retry: 'It is tried again; when its attempts are used up it goes to the dead letters.',
  hold: 'Its host gives no answer; it is put back until the host does or its time is over.',
  wait: 'Its host asked for time; it has been put back to the end of the stream.',
  bury: 'It is in the dead letters; put it back after the cause is gone.',
}
