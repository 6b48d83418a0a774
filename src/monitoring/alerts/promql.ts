/**
 * What an expression reads and what it leaves, by the grammar of Prometheus itself: selectors with their matchers and ranges, and
 * the labels that every series of the result carries. Refuses to know which metrics exist.
 */
import { parser } from '@prometheus-io/lezer-promql'

type Tree = ReturnType<typeof parser.parse>
export type Node = Tree['topNode']

export type Matcher = { readonly label: string; readonly op: string; readonly value: string }
export type Selector = {
  readonly metric: string
  readonly matchers: readonly Matcher[]
  /** As written: `5m`; null for an instant selector. */
  readonly range: string | null
  /** The functions and aggregations around it, innermost first. */
  readonly within: readonly string[]
  /** Only whether it is there counts, not its value: it stands bare behind `unless`. */
  readonly presence: boolean
}

export type Expression = { readonly text: string; readonly node: Node }

export const childrenOf = (node: Node): Node[] => {
  const children: Node[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child)
  return children
}

export const textOf = (expression: Expression, node: Node): string =>
  expression.text.slice(node.from, node.to)

/** As far as it can be read, with the places at which it is not PromQL. */
export const readExpression = (text: string): Expression & { readonly faults: readonly number[] } => {
  const tree = parser.parse(text)
  const faults: number[] = []
  tree.iterate({ enter: ({ type, from }) => void (type.isError && faults.push(from)) })
  return { text, node: tree.topNode, faults }
}

/** Throws where the expression is not PromQL. */
export const parseExpression = (text: string): Expression => {
  const { node, faults } = readExpression(text)
  if (faults[0] !== undefined) throw new Error(`not PromQL at character ${faults[0]}: ${text}`)
  if (node.firstChild === null) throw new Error('an empty expression')
  return { text, node: node.firstChild }
}

/** Every node of `expression` with one of these names, in order of appearance. */
export const nodesOf = (expression: Expression, ...names: readonly string[]): Node[] => {
  const walk = (node: Node): Node[] => [
    ...(names.includes(node.name) ? [node] : []),
    ...childrenOf(node).flatMap(walk),
  ]
  return walk(expression.node)
}

const unquoted = (text: string): string => text.replace(/^(["'`])(.*)\1$/s, '$2')

export const matchersOf = (expression: Expression, selector: Node): Matcher[] =>
  childrenOf(selector.getChild('LabelMatchers') ?? selector)
    .filter(({ name }) => name === 'UnquotedLabelMatcher')
    .map((matcher) => {
      const [label = '', op = '', value = ''] = childrenOf(matcher).map((part) => textOf(expression, part))
      return { label, op, value: unquoted(value) }
    })

const around = (expression: Expression, node: Node): string[] => {
  const names: string[] = []
  for (let parent = node.parent; parent; parent = parent.parent) {
    if (parent.name === 'FunctionCall' || parent.name === 'AggregateExpr') {
      names.push(textOf(expression, parent.firstChild ?? parent))
    }
  }
  return names
}

export const selectorsOf = (expression: Expression): Selector[] =>
  nodesOf(expression, 'VectorSelector').map((node) => {
    const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : null
    const range = matrix?.getChild('DurationExpr')
    const name = node.getChild('Identifier')
    return {
      metric: name ? textOf(expression, name) : '',
      matchers: matchersOf(expression, node),
      range: range ? textOf(expression, range) : null,
      within: around(expression, node),
      presence: Boolean(node.parent?.getChild('Unless')) && node.prevSibling !== null,
    }
  })
