/**
 * A relay's stream of the world's events, with the faults that strike it. A frame that a fault spoils is sent spoiled and
 * never good besides: whoever reads only this stream misses the event.
 */
import { forgeCommit, garble, loseBlock, oversizeFrame, unknownFrame } from './damage.ts'
import type { Faults } from './faults.ts'
import {
  accountFrame,
  commitBody,
  commitFrame,
  errorFrame,
  identityFrame,
  numberFrame,
  syncFrame,
  type Unnumbered,
} from './frame.ts'
import type { EventStream } from './stream-server.ts'
import type { WorldEvent } from './world.ts'

const timeOf = (event: WorldEvent): string => new Date(event.timeMs).toISOString()

export const frameOf = (event: WorldEvent): Unnumbered => {
  const { did } = event.account
  const time = timeOf(event)
  switch (event.kind) {
    case 'commit':
      return commitFrame({ did, commit: event.commit, time, blobs: event.blobs })
    case 'sync':
      return syncFrame(did, event.account.repo.head, time)
    case 'identity':
      return identityFrame(did, event.handle, time)
    case 'account':
      return accountFrame(did, event.status, time)
  }
}

/** A frame is not held back for longer when nothing comes after it. */
const MAX_HELD_MS = 200

export class RelayFeed {
  readonly #stream: EventStream
  readonly #faults: Faults
  /** Its URL: a fault may be aimed at it. */
  readonly #url: string
  #held: { seq: number; bytes: Buffer } | null = null

  constructor(parts: { stream: EventStream; faults: Faults; url: string }) {
    this.#stream = parts.stream
    this.#faults = parts.faults
    this.#url = parts.url
  }

  /** Sends the event, of which `good` is the frame. Whether it went out usable. */
  send(event: WorldEvent, good: Unnumbered, copy: boolean): boolean {
    const names = [this.#url, event.account.did, 'live']
    const strike = (kind: Parameters<Faults['strike']>[0]) => this.#faults.strike(kind, ...names)
    this.#strikeConnections(strike)
    if (strike('sequence_gap') !== null) this.#stream.skip(1 + this.#faults.random.int(100))
    if (strike('unknown_frame_type') !== null) {
      const seq = this.#stream.nextSeq()
      this.#stream.push(seq, unknownFrame(seq, timeOf(event)))
    }
    const seq = this.#stream.nextSeq()
    const spoiled = this.#spoil(event, good, seq, strike)
    const bytes = spoiled ?? numberFrame(good, seq, copy)
    this.#order(seq, bytes, strike)
    return spoiled === null
  }

  #spoil(event: WorldEvent, good: Unnumbered, seq: number, strike: Strike): Buffer | null {
    if (strike('malformed_cbor') !== null) return garble(numberFrame(good, seq, true))
    if (event.kind !== 'commit') return null
    const { did } = event.account
    const parts = { did, commit: event.commit, time: timeOf(event), blobs: event.blobs }
    if (strike('oversize_frame') !== null) return oversizeFrame('#commit', { ...commitBody(parts), seq })
    if (strike('bad_signature') !== null) {
      return numberFrame(commitFrame({ ...parts, commit: forgeCommit(event.commit) }), seq, false)
    }
    if (strike('missing_block') !== null) {
      const wanted = event.commit.ops.find(({ digest }) => digest !== null)?.digest ?? null
      const blocks = loseBlock(event.commit.blocks, this.#faults.random, wanted)
      return numberFrame(commitFrame({ ...parts, commit: { ...event.commit, blocks } }), seq, false)
    }
    return null
  }

  /** Pushes the frame, twice or after its successor when a fault says so. */
  #order(seq: number, bytes: Buffer, strike: Strike): void {
    const held = this.#held
    this.#held = null
    if (held === null && strike('reordered_frames') !== null) {
      this.#held = { seq, bytes }
      setTimeout(() => this.#flush(), MAX_HELD_MS).unref()
      return
    }
    this.#stream.push(seq, bytes)
    if (strike('duplicate_frames') !== null) this.#stream.push(seq, bytes)
    if (held !== null) this.#stream.push(held.seq, held.bytes)
  }

  /** Sends a frame that was held back for reordering, when nothing comes after it. */
  #flush(): void {
    if (this.#held !== null) this.#stream.push(this.#held.seq, this.#held.bytes)
    this.#held = null
  }

  #strikeConnections(strike: Strike): void {
    const { subscribers } = this.#stream
    if (subscribers === 0) return
    if (strike('silent_socket') !== null) this.#stream.silence()
    if (strike('disconnect') !== null) this.#stream.breakOff()
    const error = strike('error_frame')
    if (error !== null)
      this.#stream.fail(errorFrame(error.error ?? 'InternalError', 'the sandbox was told to fail'))
  }
}

type Strike = (kind: Parameters<Faults['strike']>[0]) => ReturnType<Faults['strike']>
