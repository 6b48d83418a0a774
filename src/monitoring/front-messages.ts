/** What the thread of the metrics ports (front.ts) and that of the services (front-thread.ts) say to each other. */

/** What is told at a path. */
export type Answer = {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Address = { readonly port: number; readonly host: string }

export type Question = { readonly id: number; readonly method: string; readonly path: string }

export type Told = {
  /** null: it cannot be answered, and the connection is to be cut. */
  readonly answer: Answer | null
  /** Milliseconds since 1970 at which these figures of /metrics were read; absent for everything else. */
  readonly readAt?: number
}

/** `server` tells the ports of one process apart. */
export type FromFront = { readonly server: number } & (
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: string | undefined }
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'closed' }
)

export type ToFront = { readonly server: number } & (
  | { readonly kind: 'listen'; readonly address: Address }
  /** To the question with this `id`; null when there was none. */
  | { readonly kind: 'told'; readonly id: number | null; readonly told: Told }
  | { readonly kind: 'close' }
)

export const METRICS = '/metrics'

/** The gauge whose value is filled in where figures are told. */
export const FIGURES_AGE = 'monitoring_figures_age_seconds'
