/**
 * What can go wrong in the network on purpose: which faults are on, when one strikes, and how often it has. Draws from its
 * own randomness, so that faults never change what the network produces.
 */
import { createRandom, type Random } from './random.ts'

export const FAULT_KINDS = [
  'bad_signature',
  'missing_block',
  'oversize_frame',
  'malformed_cbor',
  'error_frame',
  'unknown_frame_type',
  'sequence_gap',
  'duplicate_frames',
  'reordered_frames',
  'silent_socket',
  'disconnect',
  'http_429',
  'http_5xx',
  'html_body',
  'slow_car',
  'truncated_car',
  'listrepos_page_fails',
  'plc_down',
  'future_cursor',
  'outdated_cursor',
  'bad_label_signature',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

export type FaultSpec = {
  /** Chance that it strikes where it could: 0 to 1, 1 when absent. */
  readonly probability?: number
  /** How often it strikes in all; without end when absent. */
  readonly times?: number
  /** Strikes only there: a DID, the URL of a host, `live` or `repo` (frames or getRepo), `pds`, `relay`, an NSID. */
  readonly target?: string
  /** Of http_429: whether Retry-After and ratelimit headers are sent. Absent: true. */
  readonly headers?: boolean
  /** Of slow_car. Absent: 1,024. */
  readonly bytesPerSecond?: number
  /** Of truncated_car: whether the response ends as if it were whole. Absent: every other time. */
  readonly clean?: boolean
  /** Of listrepos_page_fails: the cursor whose page fails. Absent: the first that anyone asks for. */
  readonly cursor?: string
  /** Of error_frame: its error name. Absent: InternalError. */
  readonly error?: string
}

export type FaultSetting = FaultSpec & { readonly kind: FaultKind }

export const isFaultKind = (text: string): text is FaultKind =>
  (FAULT_KINDS as readonly string[]).includes(text)

/** `kind`, `kind:0.1` or `kind:times=3,target=…,probability=0.5`; null when it is none of these. */
export const parseFault = (text: string): FaultSetting | null => {
  const [kind = '', ...rest] = text.split(':')
  if (!isFaultKind(kind)) return null
  const detail = rest.join(':')
  if (detail === '') return { kind }
  if (!detail.includes('=')) return withNumbers(kind, { probability: detail })
  return withNumbers(kind, Object.fromEntries(new URLSearchParams(detail.replaceAll(',', '&'))))
}

const NUMBERS = ['probability', 'times', 'bytesPerSecond'] as const
const FLAGS = ['headers', 'clean'] as const
const TEXTS = ['target', 'cursor', 'error'] as const

/** Reads the fields of a fault given as text; null when one of them is no number, flag or name of a field. */
export const withNumbers = (
  kind: FaultKind,
  fields: Readonly<Record<string, string>>,
): FaultSetting | null => {
  const known: readonly string[] = [...NUMBERS, ...FLAGS, ...TEXTS]
  if (Object.keys(fields).some((name) => !known.includes(name))) return null
  const setting: Record<string, unknown> = { kind }
  for (const name of NUMBERS) if (fields[name] !== undefined) setting[name] = Number(fields[name])
  for (const name of FLAGS) if (fields[name] !== undefined) setting[name] = fields[name] === 'true'
  for (const name of TEXTS) if (fields[name] !== undefined) setting[name] = fields[name]
  const bad = NUMBERS.some((name) => setting[name] !== undefined && !((setting[name] as number) >= 0))
  return bad ? null : (setting as FaultSetting)
}

type Active = { spec: FaultSpec; left: number }

export class Faults {
  readonly #random: Random
  readonly #active = new Map<FaultKind, Active>()
  readonly #injected = new Map<FaultKind, number>()

  constructor(seed: string) {
    this.#random = createRandom(`${seed}/faults`)
  }

  /** Turns a fault on, or off with null or a probability of 0. */
  set(kind: FaultKind, spec: FaultSpec | null): void {
    if (spec === null || spec.probability === 0) this.#active.delete(kind)
    else this.#active.set(kind, { spec, left: spec.times ?? Infinity })
  }

  /** Whether the fault strikes now, at something that goes by these names; counts when it does. */
  strike(kind: FaultKind, ...names: readonly string[]): FaultSpec | null {
    const active = this.#active.get(kind)
    if (active === undefined || active.left <= 0) return null
    const { target, probability = 1 } = active.spec
    if (target !== undefined && !names.includes(target)) return null
    if (probability < 1 && !this.#random.chance(probability)) return null
    active.left--
    if (active.left <= 0) this.#active.delete(kind)
    this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + 1)
    return active.spec
  }

  /** The fault as it is set, if it is on. */
  peek(kind: FaultKind): FaultSpec | null {
    return this.#active.get(kind)?.spec ?? null
  }

  get any(): boolean {
    return this.#active.size > 0
  }

  get random(): Random {
    return this.#random
  }

  injected(kind: FaultKind): number {
    return this.#injected.get(kind) ?? 0
  }

  report(): { active: FaultSetting[]; injected: Record<string, number> } {
    return {
      active: [...this.#active].map(([kind, { spec, left }]) => ({
        kind,
        ...spec,
        ...(left === Infinity ? {} : { times: left }),
      })),
      injected: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, this.injected(kind)])),
    }
  }
}
