/** A whole dashboard as one HTML page, in Grafana's grid and dark colours. Pure: the same data gives the same page. */
import { type DrawnDashboard, type DrawnPanel, escaped, type Line, type Span } from './data.ts'
import { gauge, stat, table } from './figures.ts'
import { heatmap, timeSeries } from './plots.ts'

const WIDTH = 1440
const [COLUMN, ROW, GAP] = [WIDTH / 24, 38, 8]
const [TOP, HEAD, PADDING] = [74, 28, 8]

const STYLE = `
body{margin:0;background:#111217;color:#ccccdc;font:13px Inter,"Helvetica Neue",Arial,sans-serif;width:${WIDTH + 2 * GAP}px}
header{height:${TOP - 10}px;padding:8px 16px 0}
header h1{font-size:17px;font-weight:500;margin:0 0 6px}
header span{display:inline-block;margin-right:8px;border:1px solid #2c3235;border-radius:2px;background:#181b1f;line-height:22px;padding:0 8px}
header em{color:#8e8ea0;font-style:normal;margin-right:6px}
section{position:absolute;background:#181b1f;border:1px solid #23262b;border-radius:2px;box-sizing:border-box;overflow:hidden}
section h2{font-size:13px;font-weight:500;margin:0;padding:7px 10px 0;height:${HEAD - 7}px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
section.row{background:none;border:none}section.row h2{font-size:15px;padding:9px 6px 0}section.row h2::before{content:"⌄ ";color:#8e8ea0}
section>div,section>svg{margin-left:${PADDING}px}
.grid{stroke:#26292f}.tick{fill:#9fa2ab;font-size:11px}
.legend{height:38px;overflow:hidden;padding-left:10px;font-size:11.5px;line-height:18px}.legend span{margin-right:12px;white-space:nowrap;display:inline-block}.legend i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:5px;vertical-align:middle}
.figures{display:flex;flex-wrap:wrap;gap:4px}.figure{position:relative;display:flex;flex-direction:column;align-items:center;justify-content:center;border-radius:3px;overflow:hidden}.figure b{font-weight:500;line-height:1.15}.figure small{font-size:12px;max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.figure:not([style*=background]) small{color:#ccccdc}
.spark{position:absolute;left:0;bottom:0;z-index:-0}
table{border-collapse:collapse;width:calc(100% - 16px);margin:2px 8px}th{color:#6e9fff;font-weight:500;text-align:left}th,td{padding:4px 8px;border-bottom:1px solid #23262b;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;max-width:240px}
.empty{color:#8e8ea0;text-align:center;padding-top:40px}`

const contentOf = (panel: DrawnPanel, lines: readonly Line[], span: Span): string => {
  const size = {
    width: panel.gridPos.w * COLUMN - GAP - 2 * PADDING,
    height: panel.gridPos.h * ROW - GAP - HEAD - PADDING,
  }
  if (lines.length === 0) return '<div class="empty">No data</div>'
  if (panel.type === 'stat') return stat(panel, lines, size)
  if (panel.type === 'gauge') return gauge(panel, lines, size)
  if (panel.type === 'table') return table(lines)
  if (panel.type === 'heatmap') return heatmap(panel, lines, size, span)
  return timeSeries(panel, lines, size, span)
}

const placed = (panel: DrawnPanel, content: string): string => {
  const { x, y, w, h } = panel.gridPos
  const [left, top] = [GAP + x * COLUMN, TOP + y * ROW]
  const style = `left:${left}px;top:${top}px;width:${w * COLUMN - GAP}px;height:${h * ROW - GAP}px`
  return `<section class="${panel.type}" style="${style}"><h2>${escaped(panel.title)}</h2>${content}</section>`
}

export const pageOf = (
  dashboard: DrawnDashboard,
  answers: ReadonlyMap<number, readonly Line[]>,
  span: Span,
): string => {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h))
  const variables = dashboard.templating.list.map(
    ({ name, label, current }) =>
      `<span><em>${escaped(label ?? name)}</em>${name === 'datasource' ? 'Prometheus' : escaped((current?.value[0] ?? '').replace('$__all', 'All'))}</span>`,
  )
  const panels = dashboard.panels.map((panel) =>
    placed(panel, panel.type === 'row' ? '' : contentOf(panel, answers.get(panel.id) ?? [], span)),
  )
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><body style="height:${TOP + bottom * ROW + GAP}px"><header><h1>${escaped(dashboard.title)}</h1>${variables.join('')}</header>${panels.join('')}</body>`
}
