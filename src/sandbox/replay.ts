/**
 * The replay window of an event stream: the newest frames, as many as fit in `maxBytes`. Positions count every frame ever
 * added, so a reader keeps its place while old frames leave.
 */
export type ReplayFrame = { readonly seq: number; readonly bytes: Buffer }

type Slot = ReplayFrame & {
  /** Highest seq up to here: faults may disorder the frames, and a cursor must still be found. */
  readonly highest: number
  /** Bytes ever added before this frame. */
  readonly offset: number
}

export class ReplayWindow {
  readonly #maxBytes: number
  #slots: Slot[] = []
  /** Slots at the front that have been given up; removed in bulk. */
  #gone = 0
  #firstPosition = 0
  #added = 0
  #bytes = 0

  constructor(options: { maxBytes: number }) {
    this.#maxBytes = options.maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** Position of the oldest frame still here. */
  get start(): number {
    return this.#firstPosition
  }

  /** Position that the next frame will get. */
  get end(): number {
    return this.#firstPosition + this.#slots.length - this.#gone
  }

  get oldestSeq(): number | null {
    return this.#slots[this.#gone]?.seq ?? null
  }

  add(frame: ReplayFrame): void {
    const last = this.#slots.at(-1)
    this.#slots.push({ ...frame, highest: Math.max(last?.highest ?? 0, frame.seq), offset: this.#added })
    this.#added += frame.bytes.length
    this.#bytes += frame.bytes.length
    while (this.#bytes > this.#maxBytes && this.#slots.length - this.#gone > 1) this.#evict()
  }

  at(position: number): ReplayFrame | null {
    return this.#slot(position) ?? null
  }

  /** Bytes from `position` to the end. */
  bytesFrom(position: number): number {
    const slot = this.#slot(position)
    return slot === undefined ? 0 : this.#added - slot.offset
  }

  /** The first position whose frame is newer than `cursor`. */
  positionAfter(cursor: number): number {
    let low = this.start
    let high = this.end
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#slot(middle)?.highest ?? 0) <= cursor) low = middle + 1
      else high = middle
    }
    return low
  }

  #slot(position: number): Slot | undefined {
    return position < this.#firstPosition
      ? undefined
      : this.#slots[position - this.#firstPosition + this.#gone]
  }

  #evict(): void {
    this.#bytes -= this.#slots[this.#gone]?.bytes.length ?? 0
    // The slot itself is let go at once: only its place waits for the bulk removal.
    this.#slots[this.#gone] = EMPTY
    this.#gone++
    this.#firstPosition++
    if (this.#gone < 1024 || this.#gone * 2 < this.#slots.length) return
    this.#slots = this.#slots.slice(this.#gone)
    this.#gone = 0
  }
}

const EMPTY: Slot = { seq: 0, bytes: Buffer.alloc(0), highest: 0, offset: 0 }
