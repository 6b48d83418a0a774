/** Stats, gauges and tables as HTML. */
import { COLOURS, colourAt, type DrawnPanel, escaped, lastOf, type Line, type Points } from './data.ts'
import { formatValue } from './format.ts'

type Size = { readonly width: number; readonly height: number }

const wordFor = ({ fieldConfig }: DrawnPanel, value: number): { text: string; color: string } | null => {
  for (const { type, options } of fieldConfig?.defaults.mappings ?? []) {
    const special = options['result']
    if (type === 'special' && Number.isNaN(value) && typeof special === 'object')
      return { text: special.text ?? '', color: special.color ?? 'text' }
    const word = options[String(value)]
    if (type === 'value' && typeof word === 'object')
      return { text: word.text ?? '', color: word.color ?? 'text' }
  }
  return null
}

const spark = (points: Points, { width, height }: Size, colour: string): string => {
  const known = points.filter(([, value]) => Number.isFinite(value))
  const [first, last] = [known[0]?.[0] ?? 0, known.at(-1)?.[0] ?? 1]
  const [low, high] = [Math.min(...known.map(([, v]) => v)), Math.max(...known.map(([, v]) => v))]
  if (known.length < 2) return ''
  const path = known
    .map(([at, value]) => {
      const x = ((at - first) / (last - first || 1)) * width
      return `${x.toFixed(1)},${(height - 2 - ((value - low) / (high - low || 1)) * (height * 0.4)).toFixed(1)}`
    })
    .join('L')
  return `<svg class="spark" width="${width}" height="${height}"><path d="M0,${height}L${path}L${width},${height}Z" fill="${colour}" fill-opacity=".15"/><path d="M${path}" fill="none" stroke="${colour}"/></svg>`
}

const figure = (panel: DrawnPanel, line: Line, size: Size, isAlone: boolean): string => {
  const { unit, thresholds } = panel.fieldConfig?.defaults ?? {}
  const value = lastOf(line.points)
  const word = wordFor(panel, value)
  const colour = word ? (COLOURS[word.color] ?? '#ccccdc') : colourAt(value, thresholds?.steps ?? [])
  const text = word?.text ?? formatValue(value, unit)
  const fits = Math.min(
    size.height * (isAlone ? 0.5 : 0.36),
    (size.width * 1.5) / Math.max(4, text.length),
    42,
  )
  const filled = panel.options?.colorMode === 'background'
  const name = isAlone ? '' : `<small>${escaped(line.name)}</small>`
  const sparkline = panel.options?.graphMode === 'area' ? spark(line.points, size, colour) : ''
  const style = filled ? `background:${colour};color:#111217` : `color:${colour}`
  return `<div class="figure" style="${style};width:${size.width}px;height:${size.height}px">${sparkline}${name}<b style="font-size:${fits.toFixed(0)}px">${escaped(text)}</b></div>`
}

export const stat = (panel: DrawnPanel, lines: readonly Line[], size: Size): string => {
  const columns =
    size.width > size.height * 1.4 ? Math.min(lines.length, Math.max(1, Math.floor(size.width / 92))) : 1
  const rows = Math.ceil(lines.length / columns)
  const each = { width: size.width / columns - 4, height: size.height / rows - 4 }
  return `<div class="figures">${lines.map((line) => figure(panel, line, each, lines.length === 1)).join('')}</div>`
}

const arc = (from: number, to: number, radius: number, [cx, cy]: readonly [number, number]): string => {
  const at = (share: number) => {
    const angle = Math.PI * (1 + share)
    return `${(cx + radius * Math.cos(angle)).toFixed(1)},${(cy + radius * Math.sin(angle)).toFixed(1)}`
  }
  return `M${at(from)}A${radius},${radius} 0 0 1 ${at(to)}`
}

export const gauge = (panel: DrawnPanel, lines: readonly Line[], size: Size): string => {
  const { unit, max = 1, thresholds } = panel.fieldConfig?.defaults ?? {}
  const value = lastOf(lines[0]?.points ?? [])
  const steps = thresholds?.steps ?? []
  const radius = Math.min(size.width / 2 - 16, size.height - 26)
  const centre = [size.width / 2, size.height - 12] as const
  const marks = steps.map((step, i) => {
    const [from, to] = [(step.value ?? 0) / max, Math.min(1, (steps[i + 1]?.value ?? max) / max)]
    return `<path d="${arc(from, to, radius + 7, centre)}" fill="none" stroke="${COLOURS[step.color]}" stroke-width="3"/>`
  })
  const colour = colourAt(value, steps)
  const share = Math.max(0, Math.min(1, (value || 0) / max))
  return `<svg width="${size.width}" height="${size.height}">${marks.join('')}<path d="${arc(0, 1, radius - 4, centre)}" fill="none" stroke="#2c3235" stroke-width="14"/><path d="${arc(0, share, radius - 4, centre)}" fill="none" stroke="${colour}" stroke-width="14"/><text x="${centre[0]}" y="${centre[1] - 4}" text-anchor="middle" style="font:500 24px Inter,sans-serif" fill="${colour}">${escaped(wordFor(panel, value)?.text ?? formatValue(value, unit))}</text></svg>`
}

const HIDDEN = new Set(['__name__', 'alertstate', 'type'])
const FIRST = ['alertname', 'severity', 'service', 'version', 'commit', 'job', 'instance']

const rank = (label: string): number => (FIRST.indexOf(label) + FIRST.length + 1) % (FIRST.length + 1)

export const table = (lines: readonly Line[]): string => {
  const labels = [...new Set(lines.flatMap((line) => Object.keys(line.labels)))]
    .filter((label) => !HIDDEN.has(label))
    .sort((a, b) => rank(a) - rank(b))
  const head = labels.map((label) => `<th>${escaped(label === 'alertname' ? 'alert' : label)}</th>`).join('')
  const rows = lines.map(
    (line) => `<tr>${labels.map((label) => `<td>${escaped(line.labels[label] ?? '')}</td>`).join('')}</tr>`,
  )
  return `<table><tr>${head}</tr>${rows.join('')}</table>`
}
