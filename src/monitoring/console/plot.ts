/** One plot of the console as inline SVG, at the size of its place. Served as its own source: see samples.ts. */
import type { Page, PageElement } from './dom.ts'
import { ageWords, axisOf, clockWords, compactNumber, heightOf, type Sample, type Scale } from './samples.ts'

export type Panel = {
  /** Element to draw in, and the first part of its keys in a sample. */
  readonly id: string
  readonly unit: string
  /** `count` is drawn as bars: each value happened since the sample before. The others are lines: each is a level. */
  readonly scale: Scale
  pointerX: number | null
}

type Point = readonly [x: number, y: number]
type Series = { readonly name: string; readonly points: readonly (readonly [at: number, value: number])[] }
type Frame = {
  readonly width: number
  readonly height: number
  readonly from: number
  readonly to: number
  readonly top: number
  readonly scale: Scale
}

export const seriesOf = (id: string, samples: readonly Sample[]): Series[] => {
  const keys = new Set(
    samples.flatMap(({ values }) => Object.keys(values).filter((key) => key.startsWith(`${id}|`))),
  )
  return [...keys].map((key) => ({
    name: key.slice(id.length + 1),
    points: samples.flatMap(({ at, values }) =>
      values[key] === undefined ? [] : [[at, values[key]] as const],
    ),
  }))
}

/** A colour by what the series belongs to, a dash by its place among those; so each pair differs. */
export const paint = (name: string, names: readonly string[]): { colour: string; dash: string } => {
  const owner = name.split(' ')[0] ?? name
  const owners = [...new Set(names.map((other) => other.split(' ')[0]))]
  const known: Readonly<Record<string, string>> = { ingester: 'c1', backfiller: 'c2', indexer: 'c3' }
  const place = names.filter((other) => other.startsWith(`${owner} `)).indexOf(name)
  return {
    colour: known[owner] ?? `c${1 + (owners.indexOf(owner) % 6)}`,
    dash: ['none', '7 4', '2 3', '9 3 2 3', '4 2', '1 5'][Math.max(0, place) % 6] ?? 'none',
  }
}

export const toPoint = (frame: Frame, at: number, value: number): Point => [
  ((at - frame.from) / (frame.to - frame.from)) * frame.width,
  frame.height - 18 - heightOf(value, frame.top, frame.scale) * (frame.height - 26),
]

/** The path of a line; a silence of more than 15 s is a gap, never a straight line through what nobody saw. */
export const linePath = (frame: Frame, points: Series['points']): string =>
  points
    .map(([at, value], index) => {
      const [x, y] = toPoint(frame, at, value)
      const before = points[index - 1]
      return `${before === undefined || at - before[0] > 15_000 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
    })
    .join('')

export const barPath = (frame: Frame, points: Series['points']): string =>
  points
    .filter(([, value]) => value > 0)
    .map(([at, value]) => {
      const [x, y] = toPoint(frame, at, value)
      return `M${x.toFixed(1)} ${(frame.height - 18).toFixed(1)}V${y.toFixed(1)}`
    })
    .join('')

export const shape = (
  page: Page,
  tag: string,
  attributes: Readonly<Record<string, string | number>>,
  words = '',
): PageElement => {
  const made = page.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  if (words !== '') made.append(words)
  return made
}

export const valueWords = (value: number, panel: Panel): string =>
  panel.scale === 'age' ? ageWords(value) : `${compactNumber(value)}${panel.unit}`

export const drawGrid = (page: Page, svg: PageElement, frame: Frame, ticks: readonly number[]): void => {
  for (const value of [0, ...ticks]) {
    const y = toPoint(frame, frame.from, value)[1]
    svg.append(shape(page, 'line', { class: 'grid', x1: 0, x2: frame.width, y1: y, y2: y }))
  }
}

/** Words of the axes, drawn last: they stay readable where a line crosses them. */
export const drawWords = (page: Page, svg: PageElement, frame: Frame, ticks: readonly number[]): void => {
  for (const value of ticks) {
    const words = frame.scale === 'age' ? ageWords(value) : compactNumber(value)
    svg.append(shape(page, 'text', { x: 0, y: toPoint(frame, frame.from, value)[1] + 11 }, words))
  }
  const minutes = Math.round((frame.to - frame.from) / 60_000)
  const y = frame.height - 4
  svg.append(shape(page, 'text', { x: 0, y }, `${minutes} min ago`))
  svg.append(shape(page, 'text', { x: frame.width, y, 'text-anchor': 'end' }, 'now'))
}

/** The value to name in the legend: at the pointer, else the newest; for bars the sum of what is shown. */
export const valueAt = (points: Series['points'], at: number | null, scale: Scale): number | undefined => {
  if (at === null)
    return scale === 'count' ? points.reduce((sum, [, value]) => sum + value, 0) : points.at(-1)?.[1]
  const near = points.filter(([time]) => Math.abs(time - at) < 15_000)
  return near.sort((a, b) => Math.abs(a[0] - at) - Math.abs(b[0] - at))[0]?.[1]
}

export const legendRow = (page: Page, name: string, names: readonly string[], words: string): PageElement => {
  const { colour, dash } = paint(name, names)
  const row = page.createElement('li')
  const swatch = shape(page, 'svg', { width: 18, height: 8, 'aria-hidden': 'true' })
  swatch.append(
    shape(page, 'line', { class: `line ${colour}`, x1: 0, x2: 18, y1: 4, y2: 4, 'stroke-dasharray': dash }),
  )
  const label = page.createElement('span')
  label.textContent = name
  const value = page.createElement('b')
  value.textContent = words
  row.append(swatch, label, value)
  return row
}

/** Draws `panel` anew from all samples. The axis begins at one minute and grows to ten. */
export const drawPlot = (page: Page, panel: Panel, samples: readonly Sample[]): void => {
  const place = page.getElementById(panel.id)
  const series = seriesOf(panel.id, samples)
  const names = series.map(({ name }) => name)
  const to = samples.at(-1)?.at ?? 0
  const span = Math.min(600_000, Math.max(60_000, to - (samples[0]?.at ?? to)))
  const highest = Math.max(0, ...series.flatMap(({ points }) => points.map(([, value]) => value)))
  const { top, ticks } = axisOf(highest, panel.scale)
  const { scale } = panel
  const width = Math.max(120, place.clientWidth)
  const frame: Frame = { width, height: 170, from: to - span, to, top, scale }
  const svg = shape(page, 'svg', {
    width: frame.width,
    height: frame.height,
    role: 'img',
    'aria-label': panel.id,
  })
  drawGrid(page, svg, frame, ticks)
  for (const { name, points } of series) {
    const { colour, dash } = paint(name, names)
    const d = panel.scale === 'count' ? barPath(frame, points) : linePath(frame, points)
    const look =
      panel.scale === 'count'
        ? { class: `bar ${colour}` }
        : { class: `line ${colour}`, 'stroke-dasharray': dash }
    svg.append(shape(page, 'path', { ...look, d, 'data-series': name }))
  }
  drawWords(page, svg, frame, ticks)
  const x = panel.pointerX
  const at = x === null ? null : frame.from + (x / frame.width) * span
  if (x !== null)
    svg.append(shape(page, 'line', { class: 'pointer', x1: x, x2: x, y1: 0, y2: frame.height - 18 }))
  place.replaceChildren(svg)
  const rows = series.map(({ name, points }) => {
    const value = valueAt(points, at, panel.scale)
    return legendRow(page, name, names, value === undefined ? '–' : valueWords(value, panel))
  })
  page.getElementById(`${panel.id}-at`).textContent = at === null ? '' : clockWords(at)
  page.getElementById(`${panel.id}-legend`).replaceChildren(...rows)
}
