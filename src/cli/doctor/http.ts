/** One HTTP request of a probe: never throws, always ends, and says in a few words why nothing came. */

export type Answer = {
  readonly status: number
  readonly text: string
  readonly contentType: string
  /** The other side's clock minus ours, as far as a header of whole seconds tells; null without one. */
  readonly clockSkewSeconds: number | null
  readonly seconds: number
}

/** `refused`: nothing listens. `name`: the host has no address here. `silent`: no answer in time. `other`: anything else. */
export type Failure = { readonly kind: 'refused' | 'name' | 'silent' | 'other'; readonly reason: string }

export type Asked = Answer | Failure
export const isAnswer = (asked: Asked): asked is Answer => 'status' in asked

export type AskOptions = { readonly signal: AbortSignal; readonly timeoutMs: number }

const MAX_TEXT = 64 * 1024 ** 2

export const ask = async (url: string, { signal, timeoutMs }: AskOptions): Promise<Asked> => {
  const startedMs = performance.now()
  try {
    const bounds = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const response = await fetch(url, { signal: bounds })
    const clockSkewSeconds = skewOf(response.headers.get('date'))
    const text = (await response.text()).slice(0, MAX_TEXT)
    const contentType = response.headers.get('content-type') ?? ''
    return {
      status: response.status,
      text,
      contentType,
      clockSkewSeconds,
      seconds: (performance.now() - startedMs) / 1_000,
    }
  } catch (error) {
    return failureOf(error, timeoutMs)
  }
}

export const askJson = async (url: string, options: AskOptions): Promise<unknown> => {
  const asked = await ask(url, options)
  if (!isAnswer(asked)) throw new Error(asked.reason)
  if (asked.status !== 200) throw new Error(`it answered ${asked.status}`)
  return JSON.parse(asked.text)
}

/** The header was cut to a whole second and is a moment old: half a second is taken as its middle. */
const skewOf = (date: string | null): number | null => {
  const theirs = date === null ? Number.NaN : Date.parse(date)
  return Number.isNaN(theirs) ? null : (theirs + 500 - Date.now()) / 1_000
}

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return codeOf(error instanceof AggregateError ? error.errors[0] : error.cause)
}

const failureOf = (error: unknown, timeoutMs: number): Failure => {
  const code = codeOf(error)
  const name = error instanceof Error ? error.name : ''
  if (name === 'TimeoutError' || name === 'AbortError')
    return { kind: 'silent', reason: `no answer within ${timeoutMs / 1_000} s` }
  if (code === 'ECONNREFUSED') return { kind: 'refused', reason: 'nothing listens there' }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return { kind: 'name', reason: 'its host name has no address here' }
  const message = error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : ''
  return { kind: 'other', reason: message || code || String(error) }
}
