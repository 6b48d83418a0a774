/**
 * Metrics as declarations. A service declares every metric once, with its help, its cause and its closed labels; the series of
 * all label values exist at 0 from the moment of declaration, so an absent series always means a missing process.
 */
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'

/** Label name to the closed set of its values. */
export type LabelSpec = Readonly<Record<string, readonly string[]>>

export type MetricSpec = {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** What moves it, in words; printed in docs/metrics.md. */
  readonly cause: string
  readonly labels?: LabelSpec
  readonly buckets?: readonly number[]
  /** Gauges only: read at scrape time instead of being set. A number without labels, otherwise a value per combination. */
  readonly collect?: () => Reading | Promise<Reading>
}

/** NaN says "not known": the series stays, and no comparison with it is true. */
export type Reading =
  number | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]

type LabelValues<L> = L extends LabelSpec ? { readonly [K in keyof L]: L[K][number] } : undefined
type WithLabels<S extends MetricSpec, V extends unknown[]> = S['labels'] extends LabelSpec
  ? [labels: LabelValues<S['labels']>, ...rest: V]
  : V

export type CounterHandle<S extends MetricSpec> = { inc(...args: WithLabels<S, [by?: number]>): void }
export type GaugeHandle<S extends MetricSpec> = {
  set(...args: WithLabels<S, [value: number]>): void
  add(...args: WithLabels<S, [by: number]>): void
}
export type HistogramHandle<S extends MetricSpec> = { observe(...args: WithLabels<S, [value: number]>): void }

export type MetricHandle<S extends MetricSpec> = S['type'] extends 'counter'
  ? CounterHandle<S>
  : S['type'] extends 'gauge'
    ? GaugeHandle<S>
    : HistogramHandle<S>

export type MetricHandles<M extends Record<string, MetricSpec>> = {
  readonly [K in keyof M]: MetricHandle<M[K]>
}

/** Every combination of a metric's label values; one empty combination when it has no labels. */
export const combinations = (labels: LabelSpec = {}): Record<string, string>[] =>
  Object.entries(labels).reduce<Record<string, string>[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  )

type Labels = Record<string, string>
const splitArgs = (args: readonly unknown[], fallback: number): [Labels, number] =>
  typeof args[0] === 'object'
    ? [args[0] as Labels, (args[1] as number | undefined) ?? fallback]
    : [{}, (args[0] as number | undefined) ?? fallback]

const counter = (registry: Registry, spec: MetricSpec) => {
  const metric = new Counter<string>({
    name: spec.name,
    help: spec.help,
    labelNames: Object.keys(spec.labels ?? {}),
    registers: [registry],
  })
  for (const labels of combinations(spec.labels)) metric.inc(labels, 0)
  return { inc: (...args: unknown[]) => metric.inc(...splitArgs(args, 1)) }
}

const gauge = (registry: Registry, spec: MetricSpec) => {
  const { collect } = spec
  const metric = new Gauge<string>({
    name: spec.name,
    help: spec.help,
    labelNames: Object.keys(spec.labels ?? {}),
    registers: [registry],
    ...(collect && {
      async collect() {
        const reading = await collect()
        if (typeof reading === 'number') metric.set(reading)
        else for (const { labels, value } of reading) metric.set({ ...labels }, value)
      },
    }),
  })
  for (const labels of combinations(spec.labels)) metric.set(labels, 0)
  return {
    set: (...args: unknown[]) => metric.set(...splitArgs(args, 0)),
    add: (...args: unknown[]) => metric.inc(...splitArgs(args, 0)),
  }
}

const histogram = (registry: Registry, spec: MetricSpec) => {
  const metric = new Histogram<string>({
    name: spec.name,
    help: spec.help,
    labelNames: Object.keys(spec.labels ?? {}),
    registers: [registry],
    ...(spec.buckets && { buckets: [...spec.buckets] }),
  })
  for (const labels of combinations(spec.labels)) metric.zero(labels)
  return { observe: (...args: unknown[]) => metric.observe(...splitArgs(args, 0)) }
}

/** Registers every metric of `specs` and returns a handle per key. Call it once per registry. */
export const registerMetrics = <const M extends Record<string, MetricSpec>>(
  registry: Registry,
  specs: M,
): MetricHandles<M> => {
  const make = { counter, gauge, histogram }
  const handles = Object.entries(specs).map(([key, spec]) => [key, make[spec.type](registry, spec)])
  return Object.fromEntries(handles) as MetricHandles<M>
}
