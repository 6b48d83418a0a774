/** What the messages of every stream share: the sequence number, `#info`, and the reasons for which one is dropped. */

/** Not part of the sequence: it carries no seq. `OutdatedCursor` means that events were lost for good. */
export type InfoMessage = { readonly type: 'info'; readonly name: string; readonly message: string | null }

export type MessageDrop = 'unknown_type' | 'invalid_message'

/** `seq` is there whenever it was readable, so that a cursor can pass the message. */
export type DroppedMessage = { readonly drop: MessageDrop; readonly seq?: number }

export type Body = Readonly<Record<string, unknown>>

export const dropMessage = (drop: MessageDrop, seq: number | null): DroppedMessage =>
  seq === null ? { drop } : { drop, seq }

export const readSeq = (body: Body): number | null => {
  const seq = body['seq']
  return typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0 ? seq : null
}

export const parseInfo = (body: Body): InfoMessage | DroppedMessage => {
  const { name, message } = body
  if (typeof name !== 'string') return { drop: 'invalid_message' }
  return { type: 'info', name, message: typeof message === 'string' ? message : null }
}
