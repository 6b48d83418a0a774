/**
 * Small wrong changes of a rule, each of which some case has to notice: thresholds, comparisons, arithmetic, windows, matchers,
 * guards, `for`, severity. A mutant that changes nothing a case could see (by its nature) is named in EQUIVALENT with the reason.
 */
import {
  childrenOf,
  type Node,
  nodesOf,
  parseExpression,
  textOf,
} from '../../../src/monitoring/alerts/promql.ts'
import type { Rule } from './promtool.ts'

export type Mutant = { readonly kind: string; readonly what: string; readonly rule: Rule }

type Edit = { readonly kind: string; readonly from: number; readonly to: number; readonly text: string }

const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  '>': ['>=', '<'],
  '<': ['<=', '>'],
  '>=': ['>', '<'],
  '<=': ['<', '>'],
  '==': ['!='],
  '!=': ['=='],
}
const ARITHMETIC: Readonly<Record<string, readonly string[]>> = {
  '*': ['/'],
  '/': ['*'],
  '+': ['-'],
  '-': ['+'],
}
const SETS: Readonly<Record<string, readonly string[]>> = { and: ['unless'], unless: ['and'] }
const MATCHES: Readonly<Record<string, string>> = { '=': '!=', '!=': '=', '=~': '!~', '!~': '=~' }
const AGGREGATIONS: Readonly<Record<string, string>> = { max: 'min', min: 'max', sum: 'max' }

const numbers = (node: Node, text: string): string[] => {
  const value = Number(text)
  const parent = node.parent?.name
  if (parent === 'FunctionCallBody' && value === 0) return ['1000']
  if (value === 0) return ['1']
  return Number.isInteger(value) && value <= 10
    ? [`${value + 1}`, `${value - 1}`]
    : [`${value * 1.05}`, `${value * 0.95}`]
}

const durations = (text: string): string[] => {
  const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? []
  const ms = Number(count) * ({ s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? Number.NaN)
  return [`${ms * 2}ms`, `${Math.round(ms / 2)}ms`]
}

const editsOf = (expr: string): Edit[] => {
  const expression = parseExpression(expr)
  const edit =
    (kind: string, node: Node) =>
    (text: string): Edit => ({ kind, from: node.from, to: node.to, text })
  const of = (node: Node) => textOf(expression, node)
  const binary = nodesOf(expression, 'BinaryExpr').flatMap((node) => {
    const operator = childrenOf(node).find((child) => !/Expr|Selector|Call|Literal|Modifier/.test(child.name))
    if (!operator) return []
    const text = of(operator)
    return [
      ...(COMPARISONS[text] ?? []).map(edit('comparison', operator)),
      ...(ARITHMETIC[text] ?? []).map(edit('arithmetic', operator)),
      ...(SETS[text] ?? []).map(edit('set', operator)),
    ]
  })
  return [
    ...binary,
    ...nodesOf(expression, 'NumberDurationLiteral').flatMap((node) =>
      numbers(node, of(node)).map(edit('number', node)),
    ),
    ...nodesOf(expression, 'NumberDurationLiteralInDurationContext').flatMap((node) =>
      durations(of(node)).map(edit('window', node)),
    ),
    ...nodesOf(expression, 'MatchOp').flatMap((node) => [MATCHES[of(node)] ?? ''].map(edit('matcher', node))),
    ...nodesOf(expression, 'AggregateOp').flatMap((node) => {
      const other = AGGREGATIONS[of(node)]
      return other === undefined ? [] : [edit('aggregation', node)(other)]
    }),
    ...guards(nodesOf(expression, 'BinaryExpr')),
  ]
}

/** Without what stands behind `and`, `or` or `unless`. */
const guards = (binaries: readonly Node[]): Edit[] =>
  binaries.flatMap((node) => {
    const set = node.getChild('And') ?? node.getChild('Unless') ?? node.getChild('Or')
    return set ? [{ kind: 'guard', from: set.from, to: node.to, text: '' }] : []
  })

const holds = (rule: Rule): Mutant[] => {
  const [longer = '', shorter = ''] = rule.for ? durations(rule.for) : []
  const values = rule.for ? [longer, shorter] : ['5m']
  return values.map((each) => ({ kind: 'for', what: `for ${each}`, rule: { ...rule, for: each } }))
}

const severities = (rule: Rule): Mutant[] =>
  rule.labels?.['severity'] === undefined
    ? []
    : ['severity', 'service']
        .filter((label) => rule.labels?.[label] !== undefined)
        .map((label) => ({
          kind: 'label',
          what: `${label} changed`,
          rule: { ...rule, labels: { ...rule.labels, [label]: 'other' } },
        }))

/** All mutants of `rule`, each under a name of its own. */
export const mutantsOf = (rule: Rule): Mutant[] => {
  const edited = editsOf(rule.expr).map(({ kind, from, to, text }): Mutant => {
    const expr = rule.expr.slice(0, from) + text + rule.expr.slice(to)
    return { kind, what: `${rule.expr.slice(from, to)} → ${text}  in  ${expr}`, rule: { ...rule, expr } }
  })
  const all = [...edited, ...(rule.alert ? [...holds(rule), ...severities(rule)] : [])]
  return all.map((mutant, index) => ({ ...mutant, rule: renamed(mutant.rule, index) }))
}

const renamed = (rule: Rule, index: number): Rule => ({
  ...rule,
  ...(rule.alert && { alert: `${rule.alert}_m${index}` }),
  ...(rule.record && { record: `${rule.record}_m${index}` }),
})
