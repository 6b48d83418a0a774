/** What the thread of the metrics port (front.ts) and that of the service (http.ts) say to each other. */
/** What is told at a path. */
export type Answer = {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Address = { readonly port: number; readonly host: string }

export type FromFront =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: string | undefined }
  | { readonly kind: 'question'; readonly id: number; readonly method: string; readonly path: string }

export type ToFront =
  | {
      readonly kind: 'answer'
      /** Of the question; null when there was none. */
      readonly id: number | null
      /** null: it cannot be answered, and the connection is to be cut. */
      readonly answer: Answer | null
      /** Milliseconds since 1970 at which these figures of /metrics were read; absent for other paths. */
      readonly readAt?: number
    }
  | { readonly kind: 'close' }

export const METRICS = '/metrics'

/** The gauge whose value is filled in where figures are told. */
export const FIGURES_AGE = 'monitoring_figures_age_seconds'
