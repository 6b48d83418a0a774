/**
 * Messages of `com.atproto.label.subscribeLabels`. Guarantees that hostile values give a drop or are counted, never an
 * exception, and that one bad label does not take its neighbours with it. Signatures are neither required nor verified.
 */
import type { MessageFrame } from './frame.ts'
import { dropMessage, parseInfo, readSeq, type DroppedMessage, type InfoMessage } from './message-body.ts'
import { isDid } from './syntax.ts'

/** One label as the labeler wrote it; `cts` and `exp` are RFC 3339 text. */
export type RawLabel = {
  readonly src: string
  /** A record's at-uri, or a DID. */
  readonly uri: string
  readonly cid: string | null
  readonly val: string
  readonly neg: boolean
  readonly cts: string
  readonly exp: string | null
}

export type LabelsMessage = {
  readonly type: 'labels'
  readonly seq: number
  readonly labels: readonly RawLabel[]
  /** Labels of the frame that lacked a required field and are not in `labels`. */
  readonly invalidLabels: number
}

export const parseLabelMessage = (frame: MessageFrame): LabelsMessage | InfoMessage | DroppedMessage => {
  const { type, body } = frame
  if (type === '#info') return parseInfo(body)
  const seq = readSeq(body)
  if (type !== '#labels') return dropMessage('unknown_type', seq)
  const raw = body['labels']
  if (seq === null || !Array.isArray(raw)) return dropMessage('invalid_message', seq)
  const labels = (raw as readonly unknown[]).map(parseLabel).filter((label) => label !== null)
  return { type: 'labels', seq, labels, invalidLabels: raw.length - labels.length }
}

const parseLabel = (value: unknown): RawLabel | null => {
  if (typeof value !== 'object' || value === null) return null
  const { src, uri, cid, val, neg, cts, exp } = value as Readonly<Record<string, unknown>>
  if (typeof src !== 'string' || !isDid(src)) return null
  if (typeof uri !== 'string' || typeof val !== 'string' || typeof cts !== 'string') return null
  return {
    src,
    uri,
    cid: typeof cid === 'string' ? cid : null,
    val,
    neg: neg === true,
    cts,
    exp: typeof exp === 'string' ? exp : null,
  }
}
