/** The metric names that a PromQL expression reads. Pure; an expression with a dashboard’s variables in it is read as well. */
import { nodesOf, readExpression, textOf } from '../../../monitoring/alerts/promql.ts'

/** `$job`, `${job:regex}`, `$__rate_interval`: any of them stands where a duration or part of a text may. */
const VARIABLE = /\$\{?\w+(?::\w+)?\}?/g

export const metricNames = (expr: string): readonly string[] => {
  const expression = readExpression(expr.replaceAll(VARIABLE, '5m'))
  const selected = nodesOf(expression, 'Identifier')
    .filter(({ parent }) => parent?.name === 'VectorSelector')
    .map((node) => textOf(expression, node))
  const matched = nodesOf(expression, 'UnquotedLabelMatcher').flatMap((node) =>
    named(textOf(expression, node)),
  )
  return [...new Set([...selected, ...matched])]
}

/** `__name__="x"`, and the plain alternatives of `__name__=~"x|y"`. */
const named = (matcher: string): readonly string[] => {
  const value = /^__name__\s*=~?\s*["'](.*)["']$/.exec(matcher)?.[1]
  return (value ?? '').split('|').filter((name) => /^[a-zA-Z_:][\w:]*$/.test(name))
}
