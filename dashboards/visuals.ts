/** How each kind of panel looks in Grafana. Knows the builders of the SDK; decides nothing about content. */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type {
  DashboardLink,
  GridPos,
  Panel as GrafanaPanel,
  ThresholdsConfig,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common'
import { PanelBuilder as Gauge } from '@grafana/grafana-foundation-sdk/gauge'
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as Heatmap,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as Timeseries } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Panel } from './model.ts'

/** What the builders of all kinds have in common. */
export type Visual = Builder<GrafanaPanel> & {
  id(id: number): unknown
  title(text: string): unknown
  description(text: string): unknown
  datasource(ref: DataSourceRef): unknown
  gridPos(place: GridPos): unknown
  links(links: Builder<DashboardLink>[]): unknown
  targets(targets: Builder<Dataquery>[]): unknown
  unit(unit: string): unknown
  decimals(decimals: number): unknown
  min(min: number): unknown
  max(max: number): unknown
  mappings(mappings: ValueMapping[]): unknown
  thresholds(thresholds: Builder<ThresholdsConfig>): unknown
}

const last = (): ReduceDataOptionsBuilder => new ReduceDataOptionsBuilder().calcs(['lastNotNull'])

const legend = (): VizLegendOptionsBuilder =>
  new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([])

const plot = (panel: Panel, hasLimits: boolean): Timeseries => {
  const builder = new Timeseries()
    .legend(legend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .lineWidth(1)
    .fillOpacity(panel.stack ? 30 : 8)
    .showPoints(VisibilityMode.Never)
  if (panel.kind === 'bars') builder.drawStyle(GraphDrawStyle.Bars).fillOpacity(70)
  if (panel.stack) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
  if (hasLimits)
    builder.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
  return builder
}

const stat = ({ words }: Panel): Stat =>
  new Stat()
    .reduceOptions(last())
    .colorMode(words ? BigValueColorMode.Background : BigValueColorMode.Value)
    .graphMode(words ? BigValueGraphMode.None : BigValueGraphMode.Area)

const heatmap = (panel: Panel): Heatmap =>
  new Heatmap()
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').steps(64))
    .yAxis(new YAxisConfigBuilder().unit(panel.unit))
    .cellGap(1)
    .showLegend()

export const visualOf = (panel: Panel, hasLimits: boolean): Visual => {
  switch (panel.kind) {
    case 'stat':
      return stat(panel)
    case 'gauge':
      return new Gauge().reduceOptions(last()).showThresholdMarkers(true)
    case 'heatmap':
      return heatmap(panel)
    case 'table':
      return new Table().showHeader(true).withTransformation(TIDY)
    default:
      return plot(panel, hasLimits)
  }
}

/** A table shows the labels of what is; the value is always 1. */
const TIDY = {
  id: 'organize',
  options: {
    excludeByName: { Time: true, Value: true, __name__: true, alertstate: true, type: true },
    indexByName: { alertname: 0, severity: 1, service: 2, version: 3, commit: 4, job: 5, instance: 6 },
    renameByName: { alertname: 'alert' },
  },
}
