/**
 * The blocks of one large CAR, compactly: bytes in slabs, positions in typed arrays, found by CID through an open hash table.
 * About 20 bytes of overhead a block, where a Map of views needs ten times that. Owns no verification.
 */
import { randomInt } from 'node:crypto'
import { CID_BYTES } from './cid.ts'

const SLAB_BYTES = 1024 * 1024

export class BlockStore {
  #slabs: Buffer[] = []
  #slabUsed = 0
  #count = 0
  /** Per block: slab, position of its CID (the block follows), end. */
  #positions = new Uint32Array(3 * 256)
  /** Block number + 1 by hash; 0 is free. */
  #table = new Uint32Array(1024)
  /** Which four bytes of a digest are the hash: unknown outside, so that nobody can grind blocks that collide. */
  readonly #salt = 4 + randomInt(28)

  get size(): number {
    return this.#count
  }

  /** Takes over `bytes`, whose sections are then added with `addAt`. */
  adopt(bytes: Buffer): void {
    this.#slabs.push(bytes)
    this.#slabUsed = SLAB_BYTES
  }

  /** Adds the section [cidAt, end) of the slab adopted last. */
  addAt(cidAt: number, end: number): void {
    this.#insert(this.#slabs.length - 1, cidAt, end)
  }

  /** Adds a copy of the section [cidAt, end) of `bytes`. */
  addCopy(bytes: Uint8Array, cidAt: number, end: number): void {
    const length = end - cidAt
    let slab = this.#slabs.at(-1)
    if (slab === undefined || this.#slabUsed + length > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length))
      this.#slabs.push(slab)
      this.#slabUsed = 0
    }
    const at = this.#slabUsed
    slab.set(bytes.subarray(cidAt, end), at)
    this.#slabUsed += length
    this.#insert(this.#slabs.length - 1, at, at + length)
  }

  has(cid: Uint8Array, at: number): boolean {
    return this.#table[this.#slotOf(cid, at)] !== 0
  }

  /** The block of the CID at `at` of `cid`: a view. */
  get(cid: Uint8Array, at: number): Uint8Array | undefined {
    const number = this.#table[this.#slotOf(cid, at)] ?? 0
    if (number === 0) return undefined
    const base = (number - 1) * 3
    const start = (this.#positions[base + 1] ?? 0) + CID_BYTES
    return this.#slabs[this.#positions[base] ?? 0]?.subarray(start, this.#positions[base + 2])
  }

  #insert(slab: number, cidAt: number, end: number): void {
    const bytes = this.#slabs[slab]
    if (bytes === undefined) return
    if (this.#count * 2 >= this.#table.length) this.#growTable()
    const slot = this.#slotOf(bytes, cidAt)
    if (this.#table[slot] !== 0) return
    if ((this.#count + 1) * 3 > this.#positions.length) this.#growPositions()
    this.#positions.set([slab, cidAt, end], this.#count * 3)
    this.#count++
    this.#table[slot] = this.#count
  }

  /** The slot that holds this CID, or the free one where it would go. */
  #slotOf(cid: Uint8Array, at: number): number {
    const mask = this.#table.length - 1
    let slot = this.#hash(cid, at) & mask
    for (;;) {
      const number = this.#table[slot] ?? 0
      if (number === 0 || this.#isAt(number, cid, at)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isAt(number: number, cid: Uint8Array, at: number): boolean {
    const base = (number - 1) * 3
    const slab = this.#slabs[this.#positions[base] ?? 0]
    const start = this.#positions[base + 1] ?? 0
    if (slab === undefined) return false
    for (let i = CID_BYTES - 1; i >= 0; i--) if (slab[start + i] !== cid[at + i]) return false
    return true
  }

  #hash(cid: Uint8Array, at: number): number {
    const start = at + this.#salt
    const high = ((cid[start] ?? 0) << 24) | ((cid[start + 1] ?? 0) << 16)
    return (high | ((cid[start + 2] ?? 0) << 8) | (cid[start + 3] ?? 0)) >>> 0
  }

  #growPositions(): void {
    const grown = new Uint32Array(this.#positions.length * 2)
    grown.set(this.#positions)
    this.#positions = grown
  }

  #growTable(): void {
    this.#table = new Uint32Array(this.#table.length * 2)
    for (let number = 1; number <= this.#count; number++) {
      const base = (number - 1) * 3
      const slab = this.#slabs[this.#positions[base] ?? 0]
      if (slab !== undefined) this.#table[this.#slotOf(slab, this.#positions[base + 1] ?? 0)] = number
    }
  }
}
