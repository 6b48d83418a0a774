/** Time series and heatmaps as SVG. */
import { frameOf, svgOf, type Frame } from './axes.ts'
import {
  COLOURS,
  type DrawnPanel,
  escaped,
  type Line,
  PALETTE,
  type Points,
  type Span,
  type Step,
} from './data.ts'
import { formatValue } from './format.ts'

const LEFT = 66
const BOTTOM = 20

type Size = { readonly width: number; readonly height: number }

const paint = (i: number): string => PALETTE[i % PALETTE.length] ?? '#73BF69'

/** Each line on the sum of those before it, at the times they share. */
const stacked = (lines: readonly Line[]): Line[] => {
  const sums = new Map<number, number>()
  return lines.map((line) => {
    const points = line.points.map(([at, value]) => {
      const sum = (sums.get(at) ?? 0) + (Number.isNaN(value) ? 0 : value)
      sums.set(at, sum)
      return [at, sum] as const
    })
    return { ...line, points }
  })
}

/** Unbroken stretches: what is not known is a gap. */
const stretches = (points: Points): Points[] => {
  const parts: (readonly [number, number])[][] = [[]]
  for (const point of points)
    if (Number.isFinite(point[1])) parts.at(-1)?.push(point)
    else if ((parts.at(-1)?.length ?? 0) > 0) parts.push([])
  return parts.filter(({ length }) => length > 0)
}

const stroke = ({ x, y }: Frame, points: Points, colour: string, opacity: number): string =>
  stretches(points)
    .map((part) => {
      const path = part
        .map(([at, value], i) => `${i === 0 ? 'M' : 'L'}${x(at).toFixed(1)},${y(value).toFixed(1)}`)
        .join('')
      const [first, last] = [part[0]?.[0] ?? 0, part.at(-1)?.[0] ?? 0]
      const fill = `${path}L${x(last)},${y(0)}L${x(first)},${y(0)}Z`
      return `<path d="${fill}" fill="${colour}" fill-opacity="${opacity / 100}"/><path d="${path}" fill="none" stroke="${colour}" stroke-width="1.4"/>`
    })
    .join('')

const bars = ({ x, y }: Frame, lines: readonly Line[], span: Span): string => {
  const longest = Math.max(...lines.map(({ points }) => points.length), 2)
  const slot = ((x(span.to) - x(span.from)) / longest) * 0.9
  const width = Math.max(1, slot / Math.max(1, lines.length))
  return lines
    .map(({ points }, i) =>
      points
        .filter(([, value]) => value > 0)
        .map(
          ([at, value]) =>
            `<rect x="${(x(at) - slot / 2 + i * width).toFixed(1)}" y="${y(value).toFixed(1)}" width="${width.toFixed(1)}" height="${(y(0) - y(value)).toFixed(1)}" fill="${paint(i)}"/>`,
        )
        .join(''),
    )
    .join('')
}

const thresholdLines = ({ y }: Frame, steps: readonly Step[], top: number, width: number): string =>
  steps
    .filter((step) => step.value !== null && step.value <= top)
    .map(({ value, color }) => {
      const at = y(value ?? 0)
      return `<line x1="${LEFT}" x2="${width - 8}" y1="${at}" y2="${at}" stroke="${COLOURS[color]}" stroke-dasharray="8 6" stroke-width="1.2"/>`
    })
    .join('')

const legend = (names: readonly string[]): string =>
  `<div class="legend">${names.map((name, i) => `<span><i style="background:${paint(i)}"></i>${escaped(name)}</span>`).join('')}</div>`

/** Room above the highest value; a limit is shown when the values come near it. */
const topOf = (lines: readonly Line[], steps: readonly Step[], max: number | undefined): number => {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite)
  const highest = Math.max(0, ...values)
  const limits = steps.flatMap(({ value }) =>
    value !== null && value > 1e-6 && value <= highest * 3 ? [value] : [],
  )
  return max ?? (Math.max(highest, ...limits) * 1.08 || 1)
}

const ROWS_OF_LEGEND = 44

export const timeSeries = (
  { fieldConfig }: DrawnPanel,
  lines: readonly Line[],
  size: Size,
  span: Span,
): string => {
  const { unit, max, thresholds, custom } = fieldConfig?.defaults ?? {}
  const steps = custom?.thresholdsStyle ? (thresholds?.steps ?? []) : []
  const shown = custom?.stacking?.mode === 'normal' ? stacked(lines) : lines
  const area = { ...size, height: size.height - ROWS_OF_LEGEND, left: LEFT, bottom: BOTTOM }
  const top = topOf(shown, steps, max)
  const frame = frameOf(area, span, top, unit)
  const body =
    custom?.drawStyle === 'bars'
      ? bars(frame, shown, span)
      : shown
          .map(({ points }, i) => stroke(frame, points, paint(i), custom?.fillOpacity ?? 0))
          .reverse()
          .join('')
  const limits = thresholdLines(frame, steps, top, size.width)
  return svgOf(area, `${frame.svg}${body}${limits}`) + legend(lines.map(({ name }) => name))
}

/** Buckets are cumulative; a band is what lies between two bounds. */
const bandsOf = (lines: readonly Line[]): { le: string; counts: Points }[] => {
  const sorted = [...lines].sort(
    (a, b) =>
      Number(a.labels['le']?.replace('+Inf', 'Infinity')) -
      Number(b.labels['le']?.replace('+Inf', 'Infinity')),
  )
  return sorted.map(({ labels, points }, i) => {
    const below = new Map(sorted[i - 1]?.points)
    return {
      le: labels['le'] ?? '',
      counts: points.map(([at, value]) => [at, Math.max(0, value - (below.get(at) ?? 0))] as const),
    }
  })
}

/** Between pale and deep orange, as Grafana's scheme Oranges on dark. */
const heat = (share: number): string =>
  `rgb(${Math.round(127 + 128 * share)},${Math.round(39 + 190 * share ** 1.4)},${Math.round(4 + 180 * share ** 2)})`

export const heatmap = (
  { fieldConfig }: DrawnPanel,
  lines: readonly Line[],
  size: Size,
  span: Span,
): string => {
  const bands = bandsOf(lines)
  const area = { ...size, left: LEFT, bottom: BOTTOM }
  const frame = frameOf({ ...area }, span, 1, 'none')
  const most = Math.max(1e-9, ...bands.flatMap(({ counts }) => counts.map(([, count]) => count)))
  const rowHeight = (size.height - BOTTOM - 6) / Math.max(1, bands.length)
  const cells = bands.flatMap(({ counts }, row) => {
    const width = (frame.x(span.to) - frame.x(span.from)) / Math.max(1, counts.length)
    return counts
      .filter(([, count]) => count > 0)
      .map(([at, count]) => {
        const y = size.height - BOTTOM - (row + 1) * rowHeight
        return `<rect x="${(frame.x(at) - width).toFixed(1)}" y="${y.toFixed(1)}" width="${(width - 0.5).toFixed(1)}" height="${(rowHeight - 1).toFixed(1)}" fill="${heat(count / most)}"/>`
      })
  })
  const every = Math.ceil(bands.length / Math.max(3, Math.floor(size.height / 26)))
  const names = bands.map(({ le }, row) => {
    const text = le === '+Inf' ? '∞' : formatValue(Number(le), fieldConfig?.defaults.unit)
    const y = size.height - BOTTOM - (row + 1) * rowHeight + 4
    return row % every === 0
      ? `<text x="${LEFT - 6}" y="${y + rowHeight / 2}" class="tick" text-anchor="end">${escaped(text)}</text>`
      : ''
  })
  const times = frame.svg.match(/<text[^>]*text-anchor="middle">[^<]*<\/text>/g)?.join('') ?? ''
  return svgOf(size, `${times}${cells.join('')}${names.join('')}`)
}
