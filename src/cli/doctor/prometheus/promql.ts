/** The metric names that a PromQL expression reads. Pure; an expression with a dashboard’s variables in it is read as well. */
import { parser } from '@prometheus-io/lezer-promql'

/** `$job`, `${job:regex}`, `$__rate_interval`: any of them stands where a duration or part of a text may. */
const VARIABLE = /\$\{?\w+(?::\w+)?\}?/g

export const metricNames = (expr: string): readonly string[] => {
  const text = expr.replaceAll(VARIABLE, '5m')
  const names = new Set<string>()
  parser.parse(text).iterate({
    enter: ({ name, from, to, node }) => {
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') names.add(text.slice(from, to))
      if (name === 'UnquotedLabelMatcher') for (const found of named(text.slice(from, to))) names.add(found)
    },
  })
  return [...names]
}

/** `__name__="x"`, and the plain alternatives of `__name__=~"x|y"`. */
const named = (matcher: string): readonly string[] => {
  const value = /^__name__\s*=~?\s*["'](.*)["']$/.exec(matcher)?.[1]
  return (value ?? '').split('|').filter((name) => /^[a-zA-Z_:][\w:]*$/.test(name))
}
