/**
 * A dashboard as data: what it shows and why, nothing of Grafana. build.ts makes Grafana's JSON of it, drawing/ a picture of that
 * JSON, and the tests read both.
 */
import type { DashboardName } from '../src/monitoring/alerts/alert.ts'

/** Units by Grafana's own ids. */
export type Unit =
  | 'none'
  | 'short'
  | 'percentunit'
  | 'bytes'
  | 'binBps'
  | 's'
  | 'ops'
  | 'reqps'
  | 'rowsps'
  | 'eps'
  | 'dateTimeFromNow'

/** Lines are levels and rates, bars are things counted per interval, states are a few words over time. */
export type Kind = 'lines' | 'bars' | 'stat' | 'gauge' | 'heatmap' | 'table'

export type Colour = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'text'

/** Colours from a value upwards; the first has no value. */
export type Steps = readonly [Colour, ...(readonly [from: number, Colour])[]]

export type Panel = {
  readonly title: string
  /** What question it answers, and what to make of the answer. */
  readonly says: string
  readonly unit: Unit
  /** Legend to expression. */
  readonly of: Readonly<Record<string, string>>
  /** `lines` unless said otherwise. */
  readonly kind?: Kind
  /** Alerts whose limit is drawn in the panel; their runbooks are linked. */
  readonly limits?: readonly string[]
  /** Alerts that are linked only: their limit is not in the unit of this panel. */
  readonly runbooks?: readonly string[]
  /** Colours where no alert decides. */
  readonly steps?: Steps
  /** Words for values of a stat or table: `{ 0: ['DOWN', 'red'] }`. */
  readonly words?: Readonly<Record<number, readonly [string, Colour]>>
  readonly stack?: true
  readonly max?: number
  readonly decimals?: number
  /** In Grafana's 24 columns; 8 for a plot, 4 for a figure. */
  readonly width?: number
  readonly height?: number
}

export type Row = { readonly title: string; readonly panels: readonly Panel[] }

export type Page = {
  readonly name: DashboardName
  readonly title: string
  /** The question this page answers. */
  readonly says: string
  /** A metric that exactly the jobs of this page export: what the variable `job` offers. */
  readonly jobsWith: string
  /** The job selected at first; all of them when absent. Every service exports its process, so All shows those of all. */
  readonly job?: string
  /** Offers the variable `host`, with the values of this metric's label. */
  readonly hostsOf?: string
  readonly rows: readonly Row[]
}
