/** What the document lists, asked of Prometheus item by item: its metrics, its queries, the items of its dashboards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { substitute } from '../../dashboards/expression.ts'
import { committedDashboards, panelsWithData } from '../../test/dashboards/grafana.ts'
import { api, askFor } from './ask.ts'
import type { Fleet } from './fleet.ts'
import type { Row } from './seed.ts'
import type { Table } from './step.ts'

const LONGEST_MS = 60_000

/** Highest and lowest of all scrapes, series, and the most that any one series moved. */
const FIGURES: Readonly<Record<'lowest' | 'highest' | 'series' | 'moved', (metric: string) => string>> = {
  lowest: (metric) => `min(min_over_time(${metric}[1h]))`,
  highest: (metric) => `max(max_over_time(${metric}[1h]))`,
  series: (metric) => `count(last_over_time(${metric}[1h]))`,
  moved: (metric) => `max(max_over_time(${metric}[1h]) - min_over_time(${metric}[1h]))`,
}

type Measured = { readonly type: string } & Readonly<Record<keyof typeof FIGURES, number>>

const measure = async (fleet: Fleet, metric: string): Promise<Measured> => {
  const metadata = await api<Record<string, { type: string }[]>>(fleet, `/api/v1/metadata?metric=${metric}`)
  const figure = async (name: keyof typeof FIGURES) =>
    (await askFor(fleet, FIGURES[name](metric)))[0]?.value ?? Number.NaN
  const [lowest, highest, series, moved] = await Promise.all([
    figure('lowest'),
    figure('highest'),
    figure('series'),
    figure('moved'),
  ])
  return { type: metadata[metric]?.[0]?.type ?? 'none', lowest, highest, series, moved }
}

const faultOf = ([metric, type]: Row, measured: Measured): string | null => {
  if (!(measured.series > 0)) return `${metric} is absent`
  if (measured.type !== type.toLowerCase()) return `${metric} is a ${measured.type}, not a ${type}`
  return measured.moved > 0 ? null : `${metric} did not move`
}

/** As soon as all of them have moved, or when time is over. */
export const metricsTable = async (rows: readonly Row[], fleet: Fleet): Promise<Table> => {
  const deadline = Date.now() + LONGEST_MS
  for (;;) {
    const measured = await Promise.all(rows.map(([metric]) => measure(fleet, metric)))
    const faults = rows.flatMap((row, i) => faultOf(row, measured[i] as Measured) ?? [])
    if (faults.length > 0 && Date.now() < deadline) {
      await sleep(500)
      continue
    }
    return {
      head: ['Metric', 'Type', 'Description', 'Series', 'Lowest', 'Highest'],
      rows: rows.map(([metric, type, description], i) => {
        const { series, lowest, highest } = measured[i] as Measured
        return [`\`${metric}\``, type, description, ...[series, lowest, highest].map(String)]
      }),
      faults,
    }
  }
}

/** An item of the document's dashboards and the title of the panel that shows it. */
export type Item = readonly [item: string, panel: string]

export const panelsTable = async (title: string, items: readonly Item[], fleet: Fleet): Promise<Table> => {
  const dashboard = committedDashboards().find((each) => each.title.endsWith(title))
  const panels = dashboard === undefined ? [] : panelsWithData(dashboard)
  const found = items.map(([, name]) => panels.find((panel) => panel.title === name)?.targets ?? [])
  const answers = await Promise.all(
    found.map((targets) => Promise.all(targets.map((target) => shown(fleet, target.expr)))),
  )
  return {
    head: ['The document', 'Panel', 'Asks', 'Answer'],
    rows: items.flatMap(([item, panel], i) =>
      (found[i] ?? []).map(({ expr }, j) => [
        j === 0 ? item : '',
        j === 0 ? panel : '',
        `\`${expr.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')}\``,
        answers[i]?.[j] ?? '',
      ]),
    ),
    faults: items.flatMap(([, panel], i) => {
      const given = answers[i] ?? []
      return given.length > 0 && given.every((each) => each !== '')
        ? []
        : [`the panel ${panel} shows nothing`]
    }),
  }
}

const figures = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(3))

/** How many series, and the greatest; empty when a viewer would see nothing. */
const shown = async (fleet: Fleet, expr: string): Promise<string> => {
  const deadline = Date.now() + LONGEST_MS
  for (;;) {
    const series = await askFor(fleet, substitute(expr, '30s'))
    const values = series.map(({ value }) => value).filter((value) => !Number.isNaN(value))
    if (values.length > 0) return `${series.length} series, up to ${figures(Math.max(...values))}`
    if (Date.now() > deadline) return ''
    await sleep(500)
  }
}
