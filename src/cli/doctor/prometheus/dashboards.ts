/** Expressions of dashboards, with the panel each is in. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { metricNames } from './promql.ts'

/** Where a metric name is used: `dashboard "Overview", panel "Lag"`. */
export type Use = { readonly name: string; readonly place: string }

export const SHIPPED = fileURLToPath(new URL('../../../../monitoring/dashboards/', import.meta.url))

type Node = Readonly<Record<string, unknown>>
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

/** Every `expr` anywhere below, with the title of the nearest panel around it. */
const expressions = (value: unknown, panel: string): { expr: string; panel: string }[] => {
  if (Array.isArray(value)) return value.flatMap((item) => expressions(item, panel))
  if (!isNode(value)) return []
  const title = typeof value['title'] === 'string' && value['title'] !== '' ? value['title'] : panel
  const own = typeof value['expr'] === 'string' ? [{ expr: value['expr'], panel: title }] : []
  return [...own, ...Object.values(value).flatMap((inner) => expressions(inner, title))]
}

/** Null when there is no such folder. A file that is no JSON is passed over: it is no dashboard. */
export const readDashboards = async (folder: string): Promise<readonly Use[] | null> => {
  const files = await readdir(folder, { recursive: true }).catch(() => null)
  if (files === null) return null
  const texts = await Promise.all(
    files.filter((file) => file.endsWith('.json')).map((file) => readFile(join(folder, file), 'utf8')),
  )
  return texts.flatMap((text) => usesOf(text))
}

const usesOf = (text: string): Use[] => {
  const dashboard = parse(text)
  const board = isNode(dashboard) && typeof dashboard['title'] === 'string' ? dashboard['title'] : 'unnamed'
  return expressions(dashboard, board).flatMap(({ expr, panel }) =>
    metricNames(expr).map((name) => ({ name, place: `${board} / ${panel}` })),
  )
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
