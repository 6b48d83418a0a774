/**
 * The labels of one labeler: `subscribeLabels` to `label_live`, one entry per frame with all its labels. Signatures are neither
 * required nor verified; `neg`, `exp` and `cid` are kept.
 */
import type { MessageFrame } from '../atproto/frame.ts'
import { parseLabelMessage, type LabelsMessage } from '../atproto/label.ts'
import { encodeLabels } from '../event/codec.ts'
import { LABEL_LIVE } from '../event/streams.ts'
import type { BatchItem } from './batcher.ts'
import { countUnreadable } from './conservation.ts'
import { follow, type Reading, type Source } from './follow.ts'
import type { Life } from './output.ts'
import type { Room } from './room.ts'
import type { Upstream } from './upstream.ts'

export const runLabels = (upstream: Upstream, room: Room, life: Life): Promise<void> =>
  follow(labelSource(room), upstream, room, life)

const labelSource = (room: Room): Source => ({
  part: 'labels',
  nsid: 'com.atproto.label.subscribeLabels',
  stream: LABEL_LIVE,
  idleTimeoutMs: room.settings.labelIdleTimeoutMs,
  cursorError: 'label_cursor',
  parseError: 'label_parse',
  read: (frame) => readFrame(frame, room),
})

const readFrame = (frame: MessageFrame, { metrics, ledgers }: Room): Reading => {
  const message = parseLabelMessage(frame)
  if ('drop' in message) {
    countUnreadable(ledgers.labels)
    const type = message.drop === 'unknown_type' ? 'other' : 'labels'
    return { type, outcome: 'dropped', item: message.seq === undefined ? null : entryOf(message.seq, []) }
  }
  if (message.type === 'info') return { type: 'info', outcome: 'kept', item: null, info: message }
  const { seq, labels, invalidLabels } = message
  metrics.labelerEvents.inc(labels.length + invalidLabels)
  ledgers.labels.in(labels.length + invalidLabels)
  ledgers.labels.out('dropped', invalidLabels)
  metrics.labelsDropped.inc({ reason: 'invalid' }, invalidLabels)
  const outcome = labels.length > 0 ? 'kept' : invalidLabels > 0 ? 'dropped' : 'filtered'
  return { type: 'labels', outcome, item: entryOf(seq, labels) }
}

const entryOf = (seq: number, labels: LabelsMessage['labels']): BatchItem => {
  if (labels.length === 0) return { seq, entries: [], bytes: 0 }
  const entry = encodeLabels({ seq, labels })
  return { seq, entries: [entry], bytes: Buffer.byteLength(entry['labels'] ?? ''), labels: labels.length }
}
