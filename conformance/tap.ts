/**
 * Listens to firehose and labeler from their beginning: what was said, in its order. Of accounts that are deleted and records
 * that are replaced nobody else knows afterwards.
 */
import { decodeFrame } from '../src/atproto/frame.ts'
import { parseLabelMessage, type RawLabel } from '../src/atproto/label.ts'
import { parseRepoMessage, type RepoMessage } from '../src/atproto/message.ts'
import { subscribe, type SubscriptionNsid } from '../src/atproto/subscription.ts'

export type SaidMessage = Exclude<RepoMessage, { type: 'info' }>

export type Tap = {
  readonly messages: readonly SaidMessage[]
  readonly labels: readonly RawLabel[]
  /** Of the last message, 0 before the first. */
  readonly seq: () => number
  readonly labelSeq: () => number
}

type Source = { readonly host: string; readonly nsid: SubscriptionNsid; readonly seq: () => number }

const LIMITS = { idleTimeoutMs: 3_600_000, maxFrameBytes: 5 * 1024 * 1024 }

async function* framesOf({ host, nsid, seq }: Source, signal: AbortSignal) {
  for await (const { bytes } of subscribe({ ...LIMITS, host, nsid, signal, cursor: async () => seq() })) {
    const frame = decodeFrame(bytes)
    if ('drop' in frame || frame.kind !== 'message')
      throw new Error(`${host} sent a frame that cannot be read`)
    yield frame
  }
}

/** Throws (as an unhandled rejection, which ends the process) on what cannot be read: nothing may be missing here. */
export const listen = (hosts: { pds: string; labeler: string }, signal: AbortSignal): Tap => {
  const messages: SaidMessage[] = []
  const labels: RawLabel[] = []
  let lastLabels = 0
  const seq = () => messages.at(-1)?.seq ?? 0
  const labelSeq = () => lastLabels
  const firehose = async () => {
    const source = { host: hosts.pds, nsid: 'com.atproto.sync.subscribeRepos', seq } as const
    for await (const frame of framesOf(source, signal)) {
      const message = parseRepoMessage(frame)
      if ('drop' in message)
        throw new Error(`the firehose sent a message that cannot be read: ${message.drop}`)
      if (message.type !== 'info') messages.push(message)
    }
  }
  const labeler = async () => {
    const source = { host: hosts.labeler, nsid: 'com.atproto.label.subscribeLabels', seq: labelSeq } as const
    for await (const frame of framesOf(source, signal)) {
      const message = parseLabelMessage(frame)
      if ('drop' in message)
        throw new Error(`the labeler sent a message that cannot be read: ${message.drop}`)
      if (message.type !== 'labels') continue
      labels.push(...message.labels)
      lastLabels = message.seq
    }
  }
  void firehose()
  void labeler()
  return { messages, labels, seq, labelSeq }
}
