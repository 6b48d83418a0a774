/**
 * What the doctor knows before it asks anybody: settings, bounds, and the probes that several groups share. A probe runs once,
 * when the first group needs it.
 */
import type { Environment } from '../config/resolve.ts'
import type { Settings } from '../config/settings.ts'
import type { RedisFacts } from './redis/facts.ts'
import type { ServiceFacts } from './services/facts.ts'

export type Patient = {
  readonly settings: Settings
  readonly environment: Environment
  readonly version: string
  readonly signal: AbortSignal
  readonly services: () => Promise<readonly ServiceFacts[]>
  /** Null when no Redis is named. */
  readonly redis: () => Promise<RedisFacts | null>
}

export const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined
  return () => (result ??= work())
}

/** Longest wait for one answer: a group asks two in a row and still keeps its own time. */
export const answerTimeoutMs = ({ probeTimeoutMs }: Settings): number =>
  Math.ceil(Math.min(5_000, probeTimeoutMs / 3))
