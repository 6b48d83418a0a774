/**
 * The labeler's mind: which labels it gives and takes back, each signed. The newest label of a (src, uri, cid, val) holds; an
 * older one that arrives late changes nothing.
 */
import { encode, toBytes } from '@atcute/cbor'
import { messageFrame, type Unnumbered } from './frame.ts'
import { recent } from './content/draft.ts'
import type { SigningKey } from './keys.ts'
import type { TruthLabel } from './truth.ts'
import { cidText } from './block.ts'
import type { World } from './world.ts'

type WireLabel = {
  ver: 1
  src: string
  uri: string
  cid?: string
  val: string
  neg?: true
  cts: string
  exp?: string
}
export type SignedLabel = WireLabel & { readonly sig: unknown }

const VALUES = ['spam', 'porn', '!hide', '!warn', 'millrace-test'] as const
const DAY_MS = 86_400_000

const keyOf = ({ src, uri, cid, val }: WireLabel): string => `${src} ${uri} ${cid ?? ''} ${val}`

export type LabelerOptions = {
  readonly src: string
  readonly key: SigningKey
  readonly world: World
  /** How often a stored label is repeated with an older time. */
  readonly onLabels: (frame: Unnumbered) => void
  /** May spoil a signature (a fault). */
  readonly spoil: (sig: Uint8Array) => Uint8Array
}

export class Labeler {
  readonly #options: LabelerOptions
  readonly #current = new Map<string, SignedLabel>()
  #lastMs = 0

  constructor(options: LabelerOptions) {
    this.#options = options
  }

  /** Every label that holds, negations included. */
  labels(): SignedLabel[] {
    return [...this.#current.values()]
  }

  truth(): TruthLabel[] {
    return this.labels().map(({ src, uri, cid, val, neg, cts, exp }) => ({
      src,
      uri,
      cid: cid ?? null,
      val,
      neg: neg ?? false,
      cts,
      exp: exp ?? null,
    }))
  }

  /** Sends one frame of one to three labels. */
  step(): void {
    const { random } = this.#options.world
    const labels = Array.from({ length: 1 + random.int(3) }, () => this.#draw())
    this.#options.onLabels(messageFrame('#labels', { labels: labels.map((label) => this.#give(label)) }))
  }

  #draw(): WireLabel {
    const { random } = this.#options.world
    const known =
      this.#current.size > 0 && random.chance(0.25)
        ? [...this.#current.values()].at(-1 - random.int(Math.min(50, this.#current.size)))
        : undefined
    if (known === undefined) return this.#fresh()
    const { sig: _, neg, cts, exp: _exp, ...same } = known
    if (random.chance(0.15)) return { ...same, cts: new Date(Date.parse(cts) - 60_000).toISOString() }
    return { ...same, ...(neg === undefined ? { neg: true as const } : {}), cts: this.#time() }
  }

  #fresh(): WireLabel {
    const { world, src } = this.#options
    const post = world.random.chance(0.7) ? recent({ random: world.random }, world.pools.posts) : null
    const subject =
      post === null
        ? { uri: world.someone().did }
        : { uri: post.uri, ...(world.random.chance(0.7) ? { cid: cidText(post.digest) } : {}) }
    const expires = world.random.chance(0.1) ? { exp: new Date(world.nowMs + 30 * DAY_MS).toISOString() } : {}
    return { ver: 1, src, ...subject, val: world.random.pick(VALUES), cts: this.#time(), ...expires }
  }

  #give(label: WireLabel): SignedLabel {
    const sig = this.#options.key.sign(encode(label))
    const signed = { ...label, sig: toBytes(sig) }
    const held = this.#current.get(keyOf(label))
    if (held === undefined || held.cts < label.cts) this.#current.set(keyOf(label), signed)
    return { ...label, sig: toBytes(this.#options.spoil(sig)) }
  }

  /** The present, never twice the same. */
  #time(): string {
    this.#lastMs = Math.max(this.#options.world.nowMs, this.#lastMs + 1)
    return new Date(this.#lastMs).toISOString()
  }
}
