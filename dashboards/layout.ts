/** Where panels stand: rows from left to right in Grafana's 24 columns, each line as high as its highest panel. */
import { crc32 } from 'node:zlib'
import type { Panel } from './model.ts'

export type Place = { readonly x: number; readonly y: number; readonly w: number; readonly h: number }

const COLUMNS = 24

const isFigure = ({ kind }: Panel): boolean => kind === 'stat' || kind === 'gauge'
const widthOf = (panel: Panel): number => panel.width ?? (isFigure(panel) ? 4 : 8)
const heightOf = (panel: Panel): number => panel.height ?? (isFigure(panel) ? 4 : 8)

/** The place of each panel below `top`, and where the next row begins. */
export const placesBelow = (top: number, panels: readonly Panel[]): { places: Place[]; bottom: number } => {
  const places: Place[] = []
  let [x, y, tallest] = [0, top, 0]
  for (const panel of panels) {
    const [w, h] = [widthOf(panel), heightOf(panel)]
    if (x + w > COLUMNS) [x, y, tallest] = [0, y + tallest, 0]
    places.push({ x, y, w, h })
    ;[x, tallest] = [x + w, Math.max(tallest, h)]
  }
  return { places, bottom: y + tallest }
}

/** The same for the same title in the same row, whatever is added around it, so that links to a panel stay true. */
export const panelId = (row: string, title: string): number => crc32(`${row}/${title}`) >>> 8
