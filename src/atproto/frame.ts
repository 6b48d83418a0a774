/**
 * One binary WebSocket message of an event stream: two DAG-CBOR values, a header `{op, t}` and a body (spec: event-stream).
 * Guarantees: any bytes at all give a frame or a drop, never an exception. Refuses to know what the messages mean.
 */
import { decode, decodeFirst } from '@atcute/cbor'

export type MessageFrame = {
  readonly kind: 'message'
  /** With its number sign: `#commit`. */
  readonly type: string
  /** A decoded DAG-CBOR map: links are CidLink wrappers, byte strings are Bytes wrappers. */
  readonly body: Readonly<Record<string, unknown>>
}

/** `op: -1`: the upstream says why it is about to close the connection (`FutureCursor`, `ConsumerTooSlow`). */
export type ErrorFrame = { readonly kind: 'error'; readonly error: string; readonly message: string | null }

export type Frame = MessageFrame | ErrorFrame

export type FrameDrop = 'bad_frame' | 'oversize_frame'

/** The protocol's own limit for one frame: 5 MB. */
export const MAX_FRAME_BYTES = 5 * 1024 * 1024

const BAD_FRAME = { drop: 'bad_frame' } as const
const OVERSIZE_FRAME = { drop: 'oversize_frame' } as const

export const decodeFrame = (
  bytes: Uint8Array,
  maxBytes: number = MAX_FRAME_BYTES,
): Frame | { readonly drop: FrameDrop } => {
  if (bytes.length > maxBytes) return OVERSIZE_FRAME
  try {
    const [header, rest] = decodeFirst(bytes) as [unknown, Uint8Array]
    if (!isMap(header)) return BAD_FRAME
    const body: unknown = decode(rest)
    if (!isMap(body)) return BAD_FRAME
    return typedFrame(header, body)
  } catch {
    return BAD_FRAME
  }
}

const typedFrame = (header: CborMap, body: CborMap): Frame | { readonly drop: FrameDrop } => {
  const { op, t } = header
  if (op === 1 && typeof t === 'string') return { kind: 'message', type: t, body }
  if (op !== -1 || typeof body['error'] !== 'string') return BAD_FRAME
  const message = body['message']
  return { kind: 'error', error: body['error'], message: typeof message === 'string' ? message : null }
}

type CborMap = Readonly<Record<string, unknown>>

const isMap = (value: unknown): value is CborMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
