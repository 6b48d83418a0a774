/**
 * A CAR as it arrives. Owns putting sections together across chunks, copying no more than the one that is cut; holds the same
 * guarantees as car.ts, and one more limit, because a section must be whole before it can be verified.
 */
import { CID_BYTES, cidTextAt, isCidAt } from './cid.ts'
import { CarError, decodeHeader, readVarint, verifySection, type Car, type CarLimits } from './car.ts'

/** `bytes` is only lent: copy what is to stay. */
export type VisitSection = (bytes: Uint8Array, cidAt: number, end: number) => void

/** Reads a whole CAR from chunks. Throws CarError, or whatever the source throws. */
export const readCarStream = async (
  source: AsyncIterable<Uint8Array>,
  limits: CarLimits = {},
): Promise<Car> => {
  const blocks = new Map<string, Uint8Array>()
  const roots = await scanCarStream(source, limits, (bytes, cidAt, end) => {
    blocks.set(cidTextAt(bytes, cidAt), bytes.slice(cidAt + CID_BYTES, end))
  })
  return { roots, blocks }
}

/** Calls `visit` for every section as soon as it is whole and verified. Returns the roots. */
export const scanCarStream = async (
  source: AsyncIterable<Uint8Array>,
  { maxBlocks = Infinity, maxBytes = Infinity }: CarLimits,
  visit: VisitSection,
): Promise<readonly string[]> => {
  const splitter = new SectionSplitter()
  let roots: readonly string[] | null = null
  let count = 0
  let total = 0
  for await (const chunk of source) {
    total += chunk.length
    if (total > maxBytes) throw new CarError('too_large', `more than ${maxBytes} bytes`)
    splitter.feed(chunk, (bytes, start, end) => {
      if (roots === null) {
        roots = decodeHeader(bytes.subarray(start, end))
        return
      }
      if (++count > maxBlocks) throw new CarError('too_large', `more than ${maxBlocks} blocks`)
      if (end - start < CID_BYTES || !isCidAt(bytes, start))
        throw new CarError('bad_cid', 'a block without a CID of ours')
      verifySection(bytes, start, end)
      visit(bytes, start, end)
    })
  }
  if (roots === null || splitter.pendingBytes > 0)
    throw new CarError('truncated', 'the stream ended within a section')
  return roots
}

/** Cuts chunks into length-prefixed sections; a section that spans chunks is joined once, when its last byte is there. */
class SectionSplitter {
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Bytes, prefix included, that the pending section needs to be whole; 0 while its length is not known. */
  #needed = 0

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  feed(chunk: Uint8Array, visit: VisitSection): void {
    if (this.#pendingBytes === 0) return this.#split(chunk, visit)
    this.#keep(chunk)
    if (this.#pendingBytes < this.#needed) return
    const joined = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    this.#split(joined, visit)
  }

  #split(bytes: Uint8Array, visit: VisitSection): void {
    let at = 0
    while (at < bytes.length) {
      const prefix = readVarint(bytes, at)
      const end = prefix === null ? Infinity : prefix.end + prefix.value
      if (prefix === null || end > bytes.length) {
        this.#needed = prefix === null ? 0 : end - at
        this.#keep(bytes.subarray(at))
        return
      }
      visit(bytes, prefix.end, end)
      at = end
    }
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
  }
}
