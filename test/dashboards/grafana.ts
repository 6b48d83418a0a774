/** As much of Grafana's dashboard JSON as the checks and the pictures look at. */
import { readFileSync } from 'node:fs'
import { PAGES } from '../../dashboards/index.ts'
import { DASHBOARDS } from '../../src/monitoring/alerts/alert.ts'

type Datasource = { type?: string; uid?: string }
export type GrafanaTarget = {
  refId: string
  expr: string
  legendFormat?: string
  format?: string
  instant?: boolean
  datasource?: Datasource
}
export type Variable = {
  type: string
  name: string
  label?: string
  query?: string | { query: string }
  datasource?: Datasource
  multi?: boolean
  includeAll?: boolean
  allValue?: string
  refresh?: number
  current?: { value: string[] }
}
export type GrafanaPanel = {
  id: number
  type: string
  title: string
  description?: string
  datasource?: Datasource
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: GrafanaTarget[]
  links?: { title: string; url?: string }[]
  fieldConfig?: {
    defaults: { unit?: string; thresholds?: { steps: { value: number | null; color: string }[] } }
  }
}
export type GrafanaDashboard = {
  uid: string
  title: string
  description?: string
  editable: boolean
  schemaVersion: number
  tags: string[]
  templating: { list: Variable[] }
  annotations: { list: { name: string; expr: string; datasource: Datasource }[] }
  links: { type: string; tags: string[] }[]
  panels: GrafanaPanel[]
}

const folder = new URL('../../monitoring/dashboards/', import.meta.url)

/** The committed files, read anew on every call, so that a test can break its copy. */
export const committedDashboards = (): GrafanaDashboard[] =>
  PAGES.map(({ name }) => {
    const text = readFileSync(new URL(`${DASHBOARDS[name]}.json`, folder), 'utf8')
    return JSON.parse(text) as GrafanaDashboard
  })

export const panelsWithData = ({ panels }: GrafanaDashboard): GrafanaPanel[] =>
  panels.filter(({ type }) => type !== 'row')

export const targetsIn = (dashboard: GrafanaDashboard): { panel: GrafanaPanel; target: GrafanaTarget }[] =>
  panelsWithData(dashboard).flatMap((panel) => (panel.targets ?? []).map((target) => ({ panel, target })))
