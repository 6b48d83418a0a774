/** Mutants that mean the same as their rule: no input tells them apart, so no case can. Each with its reason. */
import type { Mutant } from './mutants.ts'
import type { Rule } from './promtool.ts'

type Reason = { readonly of: RegExp; readonly mutant: RegExp; readonly because: string }

const REASONS: readonly Reason[] = []

export const equivalent = (rule: Rule, { kind, what }: Mutant): boolean =>
  REASONS.some(
    ({ of, mutant }) => of.test(rule.alert ?? rule.record ?? '') && mutant.test(`${kind}: ${what}`),
  )
