/** What an expression reads, told by the official grammar. Grafana's own variables are replaced by something of their kind first. */
import {
  childrenOf,
  type Expression as Tree,
  type Node,
  nodesOf,
  readExpression as readTree,
  textOf,
} from '../src/monitoring/alerts/promql.ts'

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

const ancestors = (node: Node): Node[] =>
  node.parent === null ? [] : [node.parent, ...ancestors(node.parent)]

const below = (tree: Tree, node: Node, ...names: readonly string[]): Node[] =>
  nodesOf({ ...tree, node }, ...names)

const selectorOf = (tree: Tree, node: Node): Selector => {
  const around = ancestors(node)
  const matrix = around[0]?.name === 'MatrixSelector' ? around[0] : null
  const called = around.flatMap((parent) =>
    ['FunctionCall', 'AggregateExpr'].includes(parent.name) && parent.firstChild
      ? [textOf(tree, parent.firstChild)]
      : [],
  )
  return {
    metric: below(tree, node, 'Identifier').map((name) => textOf(tree, name))[0] ?? '',
    matchers: below(tree, node, 'UnquotedLabelMatcher', 'QuotedLabelMatcher').map((matcher) =>
      textOf(tree, matcher).replace(/^(\w+)\s*(=~|!~|!=|=)\s*/, '$1$2'),
    ),
    within: called,
    range: matrix && (/\[(.*)\]$/.exec(textOf(tree, matrix))?.[1] ?? null),
  }
}

export const readExpression = (expr: string): Expression => {
  const tree = readTree(expr)
  return {
    errors: [
      ...tree.faults.map((at) => `${expr}: not PromQL at ${at}`),
      ...(expr.trim() === '' ? ['an empty expression'] : []),
    ],
    selectors: nodesOf(tree, 'VectorSelector').map((node) => selectorOf(tree, node)),
    labels: [...new Set(nodesOf(tree, 'LabelName').map((node) => textOf(tree, node)))],
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
export const comparisonsIn = (expr: string): Comparison[] => {
  const tree = readTree(expr)
  return nodesOf(tree, 'BinaryExpr').flatMap((node) => {
    const sides = childrenOf(node)
    const [left, right] = [sides[0], sides.at(-1)]
    const operator = /^(>=|<=|==|!=|>|<)$/.exec(textOf(tree, sides[1] ?? node))?.[1]
    const limit = right && numberOf(textOf(tree, right))
    if (left === undefined || operator === undefined || limit === null || limit === undefined) return []
    const metrics = below(tree, left, 'VectorSelector').map((each) => selectorOf(tree, each).metric)
    return [{ operator: operator as Comparison['operator'], limit, metrics }]
  })
}
