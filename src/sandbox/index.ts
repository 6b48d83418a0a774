/**
 * A deterministic AT Protocol network on loopback: accounts with real keys, PDSes, relays, a PLC directory and a labeler, each on
 * a port of its own, speaking real bytes. It is the only fake of the project. It knows nothing of our streams or services.
 *
 * The same seed gives the same DIDs and, with a fixed clock, the same records. did:web identities contain a port: they are the
 * same only with a fixed `port`.
 */
import { silentLogger } from '../lib/logger.ts'
import { openNetwork } from './network.ts'
import type { Sandbox, SandboxOptions } from './options.ts'

export { parseFault } from './faults.ts'
export type { FaultKind, FaultSpec } from './faults.ts'
export type { Sandbox, SandboxOptions } from './options.ts'
export type { Truth } from './truth.ts'

const DEFAULTS = {
  seed: 'millrace',
  accounts: 100,
  records: 5_000,
  backfillShare: 0.5,
  ratePerSecond: 500,
  relays: 1,
  pdses: 2,
  didWebs: 2,
  host: '127.0.0.1',
  port: 0,
  windowBytes: 128 * 1024 * 1024,
  now: Date.now,
  faults: [],
  serveDir: '',
  staleAccountEvents: true,
  logger: silentLogger,
} as const

export const startSandbox = async (options: SandboxOptions = {}): Promise<Sandbox> => {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return openNetwork({ ...DEFAULTS, ...given })
}
