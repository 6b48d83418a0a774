/** Scales, ticks and the frame around a plot, as SVG. */
import type { Span } from './data.ts'
import { escaped } from './data.ts'
import { formatValue } from './format.ts'

export type Area = {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly bottom: number
}

export type Frame = {
  readonly x: (at: number) => number
  readonly y: (value: number) => number
  readonly svg: string
}

const NICE = [1, 2, 2.5, 5, 10]

/** Steps of 1, 2, 2.5 or 5 times a power of ten; of 60s, 1024s and so on where the unit counts so. */
export const ticksUpTo = (top: number, count: number, unit: string | undefined): number[] => {
  const base =
    unit === 'bytes' || unit === 'binBps'
      ? 1024 ** Math.max(0, Math.floor(Math.log(top) / Math.log(1024)))
      : 1
  const raw = top / base / count
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = (NICE.find((nice) => nice * power >= raw) ?? 10) * power * base
  return Array.from({ length: Math.floor(top / step + 1e-6) + 1 }, (_, i) => i * step)
}

const clock = (at: number): string => new Date(at * 1000).toISOString().slice(11, 16)

const timeTicks = ({ from, to }: Span, count: number): number[] => {
  const steps = [30, 60, 120, 300, 600, 900, 1800, 3600]
  const step = steps.find((each) => (to - from) / each <= count) ?? 7200
  const first = Math.ceil(from / step) * step
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, i) => first + i * step)
}

export const frameOf = (area: Area, span: Span, top: number, unit: string | undefined): Frame => {
  const { width, height, left, bottom } = area
  const [plotHeight, plotTop] = [height - bottom - 6, 6]
  const x = (at: number) => left + ((at - span.from) / (span.to - span.from)) * (width - left - 8)
  const y = (value: number) => plotTop + plotHeight - (Math.max(0, Math.min(value, top)) / top) * plotHeight
  const rows = ticksUpTo(top, Math.max(2, Math.floor(plotHeight / 34)), unit).map(
    (tick) =>
      `<line x1="${left}" x2="${width - 8}" y1="${y(tick)}" y2="${y(tick)}" class="grid"/>` +
      `<text x="${left - 6}" y="${y(tick) + 4}" class="tick" text-anchor="end">${escaped(formatValue(tick, unit))}</text>`,
  )
  const columns = timeTicks(span, Math.max(2, Math.floor(width / 80))).map(
    (tick) =>
      `<line x1="${x(tick)}" x2="${x(tick)}" y1="${plotTop}" y2="${plotTop + plotHeight}" class="grid"/>` +
      `<text x="${x(tick)}" y="${height - bottom + 14}" class="tick" text-anchor="middle">${clock(tick)}</text>`,
  )
  return { x, y, svg: [...rows, ...columns].join('') }
}

export const svgOf = ({ width, height }: Pick<Area, 'width' | 'height'>, body: string): string =>
  `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${body}</svg>`
