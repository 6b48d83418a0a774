/**
 * The kinds of values a setting can have: text in, checked value out, and back. Owns every word about what a value must look
 * like, so that the error, `--help` and docs/configuration.md say the same. Knows no setting and no environment.
 */

export type Kind<T> = {
  /** Completes "Write …". */
  readonly expects: string
  /** As `--help` names the value: `<url>`. */
  readonly placeholder: string
  /** An undefined result means: this text is no such value. */
  readonly parse: (text: string) => T | undefined
  /** The text form, without secrets. */
  show(value: T): string
  /** Values may hold a password: an error never repeats them. */
  readonly secret?: true
  /** A flag of this kind may stand alone, meaning yes. */
  readonly isSwitch?: true
}

const WHOLE = /^-?\d{1,15}$/

export const int = (range: { min: number; max?: number }): Kind<number> => {
  const { min, max = Number.MAX_SAFE_INTEGER } = range
  const limit = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`
  return {
    expects: `a whole number ${limit}`,
    placeholder: '<number>',
    parse: (text) => {
      const value = WHOLE.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
    show: String,
  }
}

/** 0 asks the system for a free port. */
export const port: Kind<number> = { ...int({ min: 0, max: 65_535 }), placeholder: '<port>' }

const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, KB: 1_024, MB: 1_024 ** 2, GB: 1_024 ** 3 } as const

/** The largest unit that divides the value, so that a default reads as a person would write it. */
const withUnit = (value: number, units: Readonly<Record<string, number>>): string => {
  const [unit, size] = Object.entries(units).findLast(([, n]) => value >= n && value % n === 0) ?? ['', 1]
  return `${value / size}${unit}`
}

const scaled = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(text)
  if (match === null) return undefined
  const [, digits, suffix = ''] = match
  const unit = Object.entries(units).find(([name]) => name.toLowerCase() === suffix.toLowerCase())
  const value = Math.round(Number(digits) * (suffix === '' ? 1 : (unit?.[1] ?? Number.NaN)))
  return Number.isSafeInteger(value) ? value : undefined
}

const within = (value: number | undefined, min: number, max: number): number | undefined =>
  value !== undefined && value >= min && value <= max ? value : undefined

/** A time in milliseconds; a bare number counts milliseconds. */
export const duration = (range: { minMs?: number; maxMs?: number } = {}): Kind<number> => {
  const { minMs = 0, maxMs = 30 * MS.d } = range
  return {
    expects: `a time from ${withUnit(minMs, MS)} to ${withUnit(maxMs, MS)}, such as 500ms, 30s or 5m`,
    placeholder: '<time>',
    parse: (text) => within(scaled(text, MS), minMs, maxMs),
    show: (value) => withUnit(value, MS),
  }
}

/** A size in bytes; KB, MB and GB are powers of 1024. */
export const bytes = (range: { min: number; max: number }): Kind<number> => ({
  expects: `a size from ${withUnit(range.min, BYTES)} to ${withUnit(range.max, BYTES)}, such as 128MB`,
  placeholder: '<size>',
  parse: (text) => within(scaled(text, BYTES), range.min, range.max),
  show: (value) => withUnit(value, BYTES),
})

const YES = new Set(['true', 'yes', 'on', '1'])
const NO = new Set(['false', 'no', 'off', '0'])

export const bool: Kind<boolean> = {
  expects: 'yes or no',
  placeholder: '[yes|no]',
  isSwitch: true,
  parse: (text) => (YES.has(text.toLowerCase()) ? true : NO.has(text.toLowerCase()) ? false : undefined),
  show: (value) => (value ? 'yes' : 'no'),
}

export const oneOf = <const T extends string>(values: readonly T[]): Kind<T> => ({
  expects: `one of ${values.join(', ')}`,
  placeholder: '<choice>',
  parse: (text) => values.find((value) => value === text.toLowerCase()),
  show: String,
})

/** Text without control characters or spaces at its ends. */
export const name = (pattern: RegExp, expects: string): Kind<string> => ({
  expects,
  placeholder: '<name>',
  parse: (text) => (pattern.test(text) ? text : undefined),
  show: String,
})

export const path: Kind<string> = {
  expects: 'the path of a folder',
  placeholder: '<folder>',
  parse: (text) => (text.includes('\0') ? undefined : text),
  show: String,
}

/** Hides what stands between `//` and the last `@`: a password may hold any character, written right or wrong. */
export const redactUrl = (text: string): string =>
  text.replace(/\/\/.*@/, '//***@').replace(/([?&]\w*(?:password|pass|token|secret)=)[^&]*/gi, '$1***')

/** A URL of one of these schemes. The host part is not examined: Redis has forms with several hosts. */
export const url = (schemes: readonly string[], example: string): Kind<string> => ({
  expects: `a URL such as ${example}`,
  placeholder: '<url>',
  secret: true,
  parse: (text) =>
    schemes.some((scheme) => text.toLowerCase().startsWith(`${scheme}://`)) && /:\/\/[^\s]+$/.test(text)
      ? text
      : undefined,
  show: redactUrl,
})

export const list = <T>(item: Kind<T>, expects: string, separator = ','): Kind<readonly T[]> => ({
  expects,
  placeholder: `<a${separator}b${separator}…>`,
  parse: (text) => {
    const parts = text
      .split(separator)
      .map((part) => part.trim())
      .filter((part) => part !== '')
    const values = parts.map((part) => item.parse(part))
    return values.includes(undefined) ? undefined : (values as T[])
  },
  show: (values) => values.map((value) => item.show(value)).join(separator),
})

/** A setting that may be absent; what absence means is the setting's `absent` text. */
export const optional = <T>(kind: Kind<T>): Kind<T | null> => ({
  ...kind,
  parse: (text) => kind.parse(text),
  show: (value) => (value === null ? '' : kind.show(value)),
})
