/** What a picture is drawn of: a dashboard's JSON and what Prometheus answered to each of its targets. */

export type Step = { readonly value: number | null; readonly color: string }
export type Mapping = {
  readonly type: string
  readonly options: Readonly<Record<string, { text?: string; color?: string } | string>>
}

export type DrawnPanel = {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly legendFormat?: string
  }[]
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string
      readonly min?: number
      readonly max?: number
      readonly mappings?: readonly Mapping[]
      readonly thresholds?: { readonly steps: readonly Step[] }
      readonly custom?: {
        readonly drawStyle?: string
        readonly fillOpacity?: number
        readonly stacking?: { readonly mode: string }
        readonly thresholdsStyle?: { readonly mode: string }
      }
    }
  }
  readonly options?: { readonly colorMode?: string; readonly graphMode?: string }
}

export type DrawnDashboard = {
  readonly title: string
  readonly description?: string
  readonly templating: {
    readonly list: readonly {
      readonly name: string
      readonly label?: string
      readonly current?: { readonly value: readonly string[] }
    }[]
  }
  readonly panels: readonly DrawnPanel[]
}

export type Points = readonly (readonly [at: number, value: number])[]
export type Line = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly points: Points
}
export type Span = { readonly from: number; readonly to: number }

/** `{{label}}` filled in, as Grafana does; the bare labels where there is no legend. */
export const legendOf = (format: string | undefined, labels: Readonly<Record<string, string>>): string =>
  (format ?? '').replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => labels[label] ?? '').trim() ||
  (labels['__name__'] ?? 'value')

export const COLOURS: Readonly<Record<string, string>> = {
  green: '#73BF69',
  yellow: '#FADE2A',
  orange: '#FF9830',
  red: '#F2495C',
  blue: '#5794F2',
  purple: '#B877D9',
  text: '#CCCCDC',
}

/** Grafana's classic palette. */
export const PALETTE = [
  ...[
    '#73BF69',
    '#F2CC0C',
    '#8AB8FF',
    '#FF780A',
    '#F2495C',
    '#5794F2',
    '#B877D9',
    '#705DA0',
    '#37872D',
    '#FADE2A',
  ],
  ...[
    '#447EBC',
    '#C15C17',
    '#890F02',
    '#0A437C',
    '#6D1F62',
    '#584477',
    '#B7DBAB',
    '#F4D598',
    '#70DBED',
    '#F9BA8F',
  ],
] as const

export const colourAt = (value: number, steps: readonly Step[]): string => {
  const reached = steps.filter((step) => step.value === null || value >= step.value).at(-1)
  return COLOURS[reached?.color ?? 'text'] ?? '#CCCCDC'
}

export const lastOf = (points: Points): number =>
  points.findLast(([, value]) => !Number.isNaN(value))?.[1] ?? NaN

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
