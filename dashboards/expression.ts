/** What an expression reads, told by the official grammar. Grafana's own variables are replaced by something of their kind first. */
import { parser } from '@prometheus-io/lezer-promql'

type SyntaxNode = ReturnType<typeof parser.parse>['topNode']

/** As Grafana fills it in: `[$__rate_interval]` becomes a range, `$job` what matches anything. */
export const substitute = (expr: string, rateInterval = '1m'): string =>
  expr
    .replaceAll('$__rate_interval', rateInterval)
    .replaceAll('$__interval', rateInterval)
    .replaceAll(/\$(job|instance|host)\b/g, '.+')

export type Selector = {
  readonly metric: string
  /** `label=~"value"`, without spaces. */
  readonly matchers: readonly string[]
  /** The functions and operators around it, the nearest first. */
  readonly within: readonly string[]
  readonly range: string | null
}

export type Expression = {
  readonly errors: readonly string[]
  readonly selectors: readonly Selector[]
  /** Labels named in matchers and groupings. */
  readonly labels: readonly string[]
}

const textOf = (source: string, node: SyntaxNode): string => source.slice(node.from, node.to)

const ancestors = (node: SyntaxNode): SyntaxNode[] =>
  node.parent === null ? [] : [node.parent, ...ancestors(node.parent)]

const all = (node: SyntaxNode, name: string): SyntaxNode[] => [
  ...(node.name === name ? [node] : []),
  ...childrenOf(node).flatMap((child) => all(child, name)),
]

const childrenOf = (node: SyntaxNode): SyntaxNode[] => {
  const found: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child)
  return found
}

const selectorOf = (source: string, node: SyntaxNode): Selector => {
  const around = ancestors(node)
  const matrix = around[0]?.name === 'MatrixSelector' ? around[0] : null
  const called = around.flatMap((parent) =>
    ['FunctionCall', 'AggregateExpr'].includes(parent.name) && parent.firstChild
      ? [textOf(source, parent.firstChild)]
      : [],
  )
  return {
    metric: all(node, 'Identifier').map((name) => textOf(source, name))[0] ?? '',
    matchers: [...all(node, 'UnquotedLabelMatcher'), ...all(node, 'QuotedLabelMatcher')].map((matcher) =>
      textOf(source, matcher).replace(/^(\w+)\s*(=~|!~|!=|=)\s*/, '$1$2'),
    ),
    within: called,
    range: matrix && (/\[(.*)\]$/.exec(textOf(source, matrix))?.[1] ?? null),
  }
}

export const readExpression = (expr: string): Expression => {
  const top = parser.parse(expr).topNode
  const errors: string[] = []
  top.cursor().iterate((node) => {
    if (node.type.isError) errors.push(`${expr}: not PromQL at ${node.from}`)
  })
  if (expr.trim() === '') errors.push('an empty expression')
  return {
    errors,
    selectors: all(top, 'VectorSelector').map((node) => selectorOf(expr, node)),
    labels: [...new Set(all(top, 'LabelName').map((node) => textOf(expr, node)))],
  }
}

export type Comparison = {
  readonly operator: '>' | '>=' | '<' | '<=' | '==' | '!='
  readonly limit: number
  readonly metrics: readonly string[]
}

/** A side of a comparison that is a number, with its sign and any parentheses. */
const numberOf = (text: string): number | null => {
  const plain = text.replaceAll(/[()\s]/g, '')
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : null
}

/** Every comparison of something measured with a number, in the order they are written. */
export const comparisonsIn = (expr: string): Comparison[] =>
  all(parser.parse(expr).topNode, 'BinaryExpr').flatMap((node) => {
    const sides = childrenOf(node)
    const [left, right] = [sides[0], sides.at(-1)]
    const operator = /^(>=|<=|==|!=|>|<)$/.exec(textOf(expr, sides[1] ?? node))?.[1]
    const limit = right && numberOf(textOf(expr, right))
    if (left === undefined || operator === undefined || limit === null || limit === undefined) return []
    const metrics = all(left, 'VectorSelector').map((each) => selectorOf(expr, each).metric)
    return [{ operator: operator as Comparison['operator'], limit, metrics }]
  })
