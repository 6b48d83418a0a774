/** Which labels every series of a result carries, after aggregations and matchings: what a template may name. */
import {
  childrenOf,
  type Expression,
  matchersOf,
  type Node,
  nodesOf,
  parseExpression,
  textOf,
} from './promql.ts'

/** The labels of a metric as scraped, or of a recorded series. */
export type LabelsOfMetric = (metric: string) => readonly string[]

/** null: a scalar. */
type Labels = ReadonlySet<string> | null

const NONE: ReadonlySet<string> = new Set()
const both = (a: ReadonlySet<string>, b: ReadonlySet<string>) => new Set([...a].filter((each) => b.has(each)))
const minus = (a: ReadonlySet<string>, b: readonly string[]) =>
  new Set([...a].filter((each) => !b.includes(each)))

export const labelsOf = (text: string, labelsOfMetric: LabelsOfMetric): ReadonlySet<string> => {
  const expression = parseExpression(text)
  return survivors({ expression, labelsOfMetric }, expression.node) ?? NONE
}

type Context = { readonly expression: Expression; readonly labelsOfMetric: LabelsOfMetric }

const survivors = (context: Context, node: Node): Labels => {
  switch (node.name) {
    case 'VectorSelector':
      return selected(context, node)
    case 'NumberDurationLiteral':
    case 'StringLiteral':
      return null
    case 'AggregateExpr':
      return aggregated(context, node)
    case 'FunctionCall':
      return called(context, node)
    case 'BinaryExpr':
      return combined(context, node)
    default: {
      const inner = childrenOf(node).find(({ name }) => EXPRESSIONS.test(name))
      return inner ? survivors(context, inner) : null
    }
  }
}

const EXPRESSIONS = /Expr$|Selector$|FunctionCall$|Literal$/

const selected = ({ expression, labelsOfMetric }: Context, node: Node): Labels => {
  const name = node.getChild('Identifier')
  return new Set(labelsOfMetric(name ? textOf(expression, name) : ''))
}

const listed = ({ expression }: Context, node: Node | null): string[] =>
  node ? childrenOf(node).map((each) => textOf(expression, each)) : []

const argumentsOf = (node: Node): Node[] => {
  const body = node.getChild('FunctionCallBody')
  return body ? childrenOf(body).filter(({ name }) => EXPRESSIONS.test(name)) : []
}

const aggregated = (context: Context, node: Node): Labels => {
  const args = argumentsOf(node)
  const inner = survivors(context, args.at(-1) ?? node) ?? NONE
  if (/^(topk|bottomk)/.test(textOf(context.expression, node))) return inner
  const modifier = node.getChild('AggregateModifier')
  const labels = listed(context, modifier?.getChild('GroupingLabels') ?? null)
  if (modifier?.getChild('Without')) return minus(inner, labels)
  return both(inner, new Set(labels))
}

const called = (context: Context, node: Node): Labels => {
  const { expression } = context
  const name = textOf(expression, node.firstChild ?? node)
  const args = argumentsOf(node)
  const strings = args.filter((arg) => arg.name === 'StringLiteral').map((arg) => textOf(expression, arg))
  if (name === 'vector') return NONE
  if (name === 'absent' || name === 'absent_over_time') return fixedBy(expression, args)
  const vectors = args.map((arg) => survivors(context, arg)).filter((labels) => labels !== null)
  const first = vectors[0] ?? null
  if (first === null || name === 'scalar') return null
  if (name === 'histogram_quantile') return minus(first, ['le'])
  return name === 'label_replace' ? new Set([...first, (strings[0] ?? '').slice(1, -1)]) : first
}

/** absent() keeps what its selector fixes by equality. */
const fixedBy = (expression: Expression, args: readonly Node[]): Labels => {
  const selector = nodesOf(expression, 'VectorSelector').find(({ from }) => from >= (args[0]?.from ?? 0))
  const matchers = selector ? matchersOf(expression, selector) : []
  return new Set(matchers.filter(({ op }) => op === '=').map(({ label }) => label))
}

const combined = (context: Context, node: Node): Labels => {
  const sides = childrenOf(node).filter(({ name }) => EXPRESSIONS.test(name))
  const left = survivors(context, sides[0] ?? node)
  const right = survivors(context, sides[1] ?? node)
  if (left === null || right === null) return left ?? right
  if (node.getChild('And') ?? node.getChild('Unless')) return left
  if (node.getChild('Or')) return both(left, right)
  return matched(context, node, { left, right })
}

type Sides = { readonly left: ReadonlySet<string>; readonly right: ReadonlySet<string> }

const matched = (context: Context, node: Node, { left, right }: Sides): Labels => {
  const clause = node.getChild('MatchingModifierClause')
  if (clause === null) return both(left, right)
  const [labels, extra] = clause.getChildren('GroupingLabels').map((each) => listed(context, each))
  if (clause.getChild('GroupLeft')) return new Set([...left, ...(extra ?? [])])
  if (clause.getChild('GroupRight')) return new Set([...right, ...(extra ?? [])])
  return clause.getChild('On') ? both(left, new Set(labels)) : minus(left, labels ?? [])
}
