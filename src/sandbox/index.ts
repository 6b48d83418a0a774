/**
 * A deterministic AT Protocol network on loopback: accounts with real keys, PDSes, relays, a PLC directory and a labeler, each on
 * a port of its own, speaking real bytes. It is the only fake of the project. It knows nothing of our streams or services.
 *
 * The same seed gives the same DIDs and, with a fixed clock, the same records. did:web identities contain a port: they are the
 * same only with a fixed `port`.
 */
import { silentLogger, type Logger } from '../lib/logger.ts'
import type { Faults, FaultKind, FaultSetting, FaultSpec } from './faults.ts'
import { openNetwork } from './network.ts'
import type { Truth } from './truth.ts'

export { FAULT_KINDS, isFaultKind, parseFault } from './faults.ts'
export type { FaultKind, FaultSetting, FaultSpec } from './faults.ts'
export type { Truth, TruthAccount, TruthLabel, TruthRecord } from './truth.ts'

export type SandboxOptions = {
  readonly seed?: string | number
  /** Accounts that exist at the start; more are born while the network lives. */
  readonly accounts?: number
  /** Records in all: those that exist at the start and those that are streamed. */
  readonly records?: number
  /** Part of the records that exists before the relay's window, reachable by backfill only: 0 to 1. */
  readonly backfillShare?: number
  /** Events per second; 0 waits for `produce` or `setRate`. */
  readonly ratePerSecond?: number
  readonly relays?: number
  readonly pdses?: number
  /** Accounts with a did:web, each on a port of its own. */
  readonly didWebs?: number
  readonly host?: string
  /** The control endpoint's port; the other hosts take the ports after it. Any free ports when absent. */
  readonly port?: number
  /** What a relay keeps for cursors. */
  readonly windowBytes?: number
  /** Milliseconds since 1970; the real clock when absent. */
  readonly now?: () => number
  /** Faults that are on from the start. */
  readonly faults?: readonly FaultSetting[]
  /** Whether a PDS that an account has left sends a late, outdated #account event of it. */
  readonly staleAccountEvents?: boolean
  /**
   * A folder of captured data to serve besides (see captured.ts), by a relay, a PDS and a labeler of its own, which come last
   * in the lists of URLs. With `accounts: 0` there is nothing else. `truth` does not speak of it.
   */
  readonly serveDir?: string
  readonly logger?: Logger
}

export type Sandbox = {
  readonly relayUrls: readonly string[]
  readonly labelerUrls: readonly string[]
  readonly plcUrl: string
  readonly pdsUrls: readonly string[]
  readonly controlUrl: string
  truth(): Truth
  /** Turns a fault on, or off with null. */
  setFault(kind: FaultKind, spec: FaultSpec | null): void
  /** Which faults are on, and how often each kind has struck. */
  faults(): ReturnType<Faults['report']>
  setRate(eventsPerSecond: number): void
  /** Makes at least this many events as fast as possible, whether scheduled or not. */
  produce(events: number): Promise<void>
  /** All scheduled records have been produced. */
  readonly done: Promise<void>
  close(): Promise<void>
}

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

export type Settings = Required<SandboxOptions>

export const startSandbox = async (options: SandboxOptions = {}): Promise<Sandbox> => {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return openNetwork({ ...DEFAULTS, ...given })
}
