/** Grafana's JSON of a page. The same page always gives the same bytes. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  MappingType,
  type Panel as GrafanaPanel,
  RowBuilder,
  SpecialValueMatch,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { DASHBOARDS } from '../src/monitoring/alerts/alert.ts'
import { panelId, type Place, placesBelow } from './layout.ts'
import { stepsOf } from './limits.ts'
import type { Page, Panel, Steps } from './model.ts'
import { annotations, DATASOURCE, links, runbookLinks, TAG, variablesOf } from './surroundings.ts'
import { visualOf } from './visuals.ts'

const FORMATS = { heatmap: PromQueryFormat.Heatmap, table: PromQueryFormat.Table } as const

const targetsOf = ({ of, kind = 'lines' }: Panel): DataqueryBuilder[] =>
  Object.entries(of).map(([legend, expr], i) => {
    const format = kind === 'heatmap' || kind === 'table' ? FORMATS[kind] : PromQueryFormat.TimeSeries
    const query = new DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + i))
      .datasource(DATASOURCE)
      .expr(expr)
      .legendFormat(kind === 'heatmap' ? '{{le}}' : legend)
      .format(format)
    return kind === 'table' ? query.instant() : query.range()
  })

const thresholdsOf = (steps: Steps): ThresholdsConfigBuilder => {
  const [base, ...rest] = steps
  const above = rest.map(([value, color]): Threshold => ({ value, color }))
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...above])
}

/** NaN is how our metrics say that something is not known, and how PromQL says that nothing happened. */
const UNKNOWN: ValueMapping = {
  type: MappingType.SpecialValue,
  options: { match: SpecialValueMatch.NotANumber, result: { text: '–', color: 'text' } },
}

const mappingsOf = ({ words = {} }: Panel): ValueMapping[] => {
  const options = Object.fromEntries(
    Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }]),
  )
  return [
    ...(Object.keys(options).length > 0 ? [{ type: MappingType.ValueToText, options } as const] : []),
    UNKNOWN,
  ]
}

const panelOf = (row: string, panel: Panel, place: Place): Builder<GrafanaPanel> => {
  const steps = stepsOf(panel)
  const visual = visualOf(panel, steps !== null)
  visual.id(panelId(row, panel.title))
  visual.title(panel.title)
  visual.description(panel.says)
  visual.datasource(DATASOURCE)
  visual.gridPos(place)
  visual.targets(targetsOf(panel))
  visual.unit(panel.unit)
  visual.mappings(mappingsOf(panel))
  visual.thresholds(thresholdsOf(steps ?? [panel.kind === 'stat' ? 'text' : 'green']))
  visual.links(runbookLinks([...new Set([...(panel.limits ?? []), ...(panel.runbooks ?? [])])]))
  if (panel.unit !== 'dateTimeFromNow' && panel.kind !== 'stat') visual.min(0)
  if (panel.max !== undefined) visual.max(panel.max)
  if (panel.decimals !== undefined) visual.decimals(panel.decimals)
  return visual
}

const addRows = (dashboard: DashboardBuilder, { rows }: Page): void => {
  let y = 0
  for (const { title, panels } of rows) {
    const place = { x: 0, y, w: 24, h: 1 }
    dashboard.withRow(new RowBuilder(title).id(panelId('', title)).gridPos(place))
    const { places, bottom } = placesBelow(y + 1, panels)
    for (const [i, panel] of panels.entries()) dashboard.withPanel(panelOf(title, panel, places[i] ?? place))
    y = bottom
  }
}

export const buildDashboard = (page: Page): Dashboard => {
  const dashboard = new DashboardBuilder(`Millrace / ${page.title}`)
    .uid(DASHBOARDS[page.name])
    .description(page.says)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh('15s')
    .time({ from: 'now-1h', to: 'now' })
    .variables(variablesOf(page))
    .annotations(annotations())
    .links(links())
  addRows(dashboard, page)
  return dashboard.build()
}

/** The SDK hides links and marks in a menu unless told otherwise, and gives no word for otherwise. */
const shown = (key: string, value: unknown): unknown =>
  key === 'placement' && value === 'inControlsMenu' ? undefined : value

export const dashboardText = (page: Page): string => `${JSON.stringify(buildDashboard(page), shown, 2)}\n`
