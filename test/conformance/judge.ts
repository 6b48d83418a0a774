/** Judges a run: every difference must be explained by a rule, and every rule must have explained something by the end. */
import assert from 'node:assert/strict'
import type { History } from './history.ts'
import type { Facts, Rule } from './rule.ts'
import { differences, type Difference, type Tables } from './tables.ts'

type Run = { readonly name: string; readonly ours: Tables; readonly theirs: Tables }

export type Verdict = {
  readonly counts: ReadonlyMap<string, number>
  readonly explained: readonly Difference[]
  /** With the columns that no rule explains. */
  readonly unexplained: readonly Difference[]
}

const MAX_SHOWN = 20

const describe = ({ table, ours, theirs, columns }: Difference): string =>
  `${table} (${columns.join(', ')})\n      ours   ${JSON.stringify(ours)}\n      theirs ${JSON.stringify(theirs)}`

/** Which rules explain which columns; what is left is unexplained. */
const explain = (difference: Difference, facts: Facts, rules: readonly Rule[]) => {
  const found = rules.map((rule) => ({ rule, columns: rule.explains(difference, facts) }))
  const explained = new Set(found.flatMap(({ columns }) => columns))
  return {
    used: found.filter(({ columns }) => columns.length > 0).map(({ rule }) => rule.name),
    rest: difference.columns.filter((column) => !explained.has(column)),
  }
}

export class Judge {
  readonly #history: History
  readonly #required: readonly Rule[]
  readonly #rules: readonly Rule[]
  readonly #used = new Map<string, number>()

  /** `required` rules must explain something; those that are `possible` depend on who comes first. */
  constructor(history: History, required: readonly Rule[], possible: readonly Rule[] = []) {
    this.#history = history
    this.#required = required
    this.#rules = [...required, ...possible]
  }

  /** What each rule explained, and what none does. */
  weigh({ ours, theirs }: Pick<Run, 'ours' | 'theirs'>): Verdict {
    const facts = { history: this.#history, ours, theirs }
    const counts = new Map<string, number>()
    const unexplained: Difference[] = []
    const explained: Difference[] = []
    for (const difference of differences(ours, theirs)) {
      const { used, rest } = explain(difference, facts, this.#rules)
      if (rest.length > 0) unexplained.push({ ...difference, columns: rest })
      else explained.push(difference)
      for (const rule of used) counts.set(rule, (counts.get(rule) ?? 0) + 1)
    }
    for (const [rule, count] of counts) this.#used.set(rule, (this.#used.get(rule) ?? 0) + count)
    return { counts, explained, unexplained }
  }

  /** Throws when a difference has no reason; resolves with a line per rule that had something to explain. */
  judge({ name, ours, theirs }: Run): string[] {
    const { counts, unexplained } = this.weigh({ ours, theirs })
    const shown = unexplained.slice(0, MAX_SHOWN).map(describe).join('\n    ')
    assert.equal(unexplained.length, 0, `${name}: differences that no rule explains\n    ${shown}\n`)
    return [...counts].map(([rule, count]) => `${name}: ${count} explained by "${rule}"`)
  }

  /** A rule that explained nothing in any run is not needed, or does not see what it is for. */
  assertAllUsed(): void {
    const idle = this.#required.filter(({ name }) => !this.#used.has(name)).map(({ name }) => name)
    assert.deepEqual(idle, [], 'rules that explained nothing')
  }
}
