/** All dashboards: as data, as the files they become, and by the metrics they show. */
import { DASHBOARDS } from '../src/monitoring/alerts/alert.ts'
import { backfiller } from './backfiller.ts'
import { dashboardText } from './build.ts'
import { sourcesOf } from './limits.ts'
import { indexer } from './indexer.ts'
import { ingester } from './ingester.ts'
import type { Page, Panel } from './model.ts'
import { overview } from './overview.ts'
import { performance } from './performance.ts'
import { systemHealth } from './system-health.ts'

export const PAGES: readonly Page[] = [overview, systemHealth, performance, ingester, backfiller, indexer]

/** `monitoring/dashboards/<uid>.json`, for tools/generate.ts. */
export const DASHBOARD_FILES: Readonly<Record<string, () => string>> = Object.fromEntries(
  PAGES.map((page) => [`monitoring/dashboards/${DASHBOARDS[page.name]}.json`, () => dashboardText(page)]),
)

export const panelsOf = ({ rows }: Page): Panel[] => rows.flatMap(({ panels }) => panels)

/** A histogram is one metric, whichever of its series an expression reads. */
const familyOf = (name: string): string => name.replace(/_(bucket|sum|count)$/, '')

/** The names of all metrics on each dashboard, those behind recorded series included, histograms by the name they are declared with. */
export const metricsByDashboard = (): ReadonlyMap<Page['name'], ReadonlySet<string>> =>
  new Map(
    PAGES.map((page) => {
      const expressions = panelsOf(page).flatMap(({ of }) => Object.values(of))
      return [page.name, new Set(expressions.flatMap((expr) => [...sourcesOf(expr)]).map(familyOf))] as const
    }),
  )
