/** Numbers as Grafana writes them, for the units our panels use. */
const SI = ['', ' K', ' Mil', ' Bil', ' Tri']
const IEC = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

const trimmed = (value: number, digits = 3): string => {
  const whole = Math.floor(Math.log10(Math.abs(value) || 1)) + 1
  return value
    .toFixed(Math.max(0, Math.min(digits, digits - whole)))
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
}

const stepped = (value: number, base: number, names: readonly string[]): string => {
  const size = Math.abs(value)
  const power = size < base ? 0 : Math.min(names.length - 1, Math.floor(Math.log(size) / Math.log(base)))
  const number = trimmed(value / base ** power)
  return `${number}${/^[A-Z]/.test(names[power] ?? '') ? ' ' : ''}${names[power] ?? ''}`
}

const SPANS = [
  [604_800, 'weeks'],
  [86_400, 'days'],
  [3_600, 'hours'],
  [60, 'mins'],
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
] as const

const seconds = (value: number): string => {
  if (value === 0) return '0 s'
  const [size, name] = SPANS.find(([each]) => Math.abs(value) >= each) ?? [1e-9, 'ns']
  return `${trimmed(value / size)} ${name}`
}

const PER_SECOND: Readonly<Record<string, string>> = {
  ops: 'ops/s',
  reqps: 'req/s',
  rowsps: 'rows/s',
  eps: 'evt/s',
}

export const formatValue = (value: number, unit: string | undefined): string => {
  if (Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return '∞'
  const perSecond = PER_SECOND[unit ?? '']
  if (perSecond !== undefined) return `${stepped(value, 1_000, ['', ' K', ' M'])} ${perSecond}`
  if (unit === 'percentunit') return `${trimmed(value * 100)}%`
  if (unit === 'bytes') return stepped(value, 1024, IEC)
  if (unit === 'binBps') return `${stepped(value, 1024, IEC)}/s`
  if (unit === 's') return seconds(value)
  return unit === 'short' ? stepped(value, 1_000, SI) : trimmed(value)
}
