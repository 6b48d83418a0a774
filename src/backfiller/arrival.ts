/**
 * The bytes of one CAR on their way to whoever verifies them. Owns the order: a chunk is handed on only after the budget has room
 * for it, so a socket that is not read is how a large repo waits. Tells the phase clock whom each moment belongs to: the host, the
 * budget, or the verifier that asks for more. Refuses to look into the bytes.
 */
import type { Lease } from './budget.ts'
import { RepoFailure } from './classify.ts'
import type { Download } from './download.ts'
import type { PhaseClock } from './phases.ts'

/** What is granted at a time: the slab in which blocks are kept. */
export const GRANT_BYTES = 1024 * 1024

export class Arrival {
  readonly #download: Download
  readonly #lease: Lease
  readonly #phases: PhaseClock
  #bytes = 0

  constructor(download: Download, lease: Lease, phases: PhaseClock) {
    this.#download = download
    this.#lease = lease
    this.#phases = phases
  }

  /** Bytes handed on so far. */
  get bytes(): number {
    return this.#bytes
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#phases.enter('fetch')
    for await (const chunk of this.#download.chunks) {
      await this.#makeRoom(this.#bytes + chunk.length)
      this.#bytes += chunk.length
      this.#phases.enter('verify')
      yield chunk
      this.#phases.enter('fetch')
    }
    this.#phases.enter('verify')
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { max } = this.#lease
    if (bytes > max) throw new RepoFailure('too_large', `more than ${max} bytes`)
    if (bytes > this.#lease.held) this.#phases.enter('wait')
    while (bytes > this.#lease.held) await this.#lease.grow(Math.min(GRANT_BYTES, max - this.#lease.held))
  }
}
