/** What a sandbox can be told, and what it offers: the contract between those who run one and the network itself. */
import type { Logger } from '../lib/logger.ts'
import type { FaultKind, Faults, FaultSetting, FaultSpec } from './faults.ts'
import type { Truth } from './truth.ts'

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

export type Settings = Required<SandboxOptions>
