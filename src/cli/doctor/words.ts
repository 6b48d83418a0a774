/** Figures as a person reads them. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export const bytesText = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  const value = bytes / 1024 ** power
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power] ?? 'B'}`
}

export const secondsText = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return 'never'
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`
}

export const countText = (count: number): string => count.toLocaleString('en-US')

export const percentText = (ratio: number): string =>
  `${(ratio * 100).toFixed(ratio > 0 && ratio < 0.01 ? 2 : 0)} %`

/** `a, b, c and 4 more`. */
export const someOf = (items: readonly string[], most = 4): string => {
  const more = items.length - most
  return more > 0 ? `${items.slice(0, most).join(', ')} and ${more} more` : items.join(', ')
}
