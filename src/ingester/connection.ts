/** What one subscription's connections do, told to metrics, status and log. The gauge of open sockets moves by open and close only. */
import type { SubscribeOptions, SubscriptionDetail } from '../atproto/subscription.ts'
import { retryLevel } from '../lib/logger.ts'
import type { ReconnectReason, SocketPart } from './metric-words.ts'
import type { Position } from './position.ts'
import type { Room } from './room.ts'
import type { Upstream } from './upstream.ts'

export type Connection = {
  readonly position: Position
  readonly onState: NonNullable<SubscribeOptions['onState']>
  /** The next end is the upstream's stated wish. */
  readonly sawErrorFrame: () => void
  /** The subscription is over: a stop ends it without a word. */
  readonly ended: () => void
}

export const watchConnection = (
  part: SocketPart,
  upstream: Upstream,
  room: Room,
  position: Position,
): Connection => {
  let open = false
  let errorFrame = false
  const setOpen = (now: boolean) => {
    if (now !== open) room.metrics.connections.add({ type: part }, now ? 1 : -1)
    open = now
  }
  const onEnd = (detail: SubscriptionDetail) => {
    const reason = errorFrame ? 'error_frame' : reasonOf(detail.reason ?? '', open)
    setOpen(false)
    errorFrame = false
    upstream.reconnects++
    upstream.enter('waiting')
    room.metrics.reconnects.inc({ part, reason })
    room.metrics.hostReconnects.inc({ host: upstream.host })
    report(detail, reason, upstream, room)
  }
  return {
    position,
    sawErrorFrame: () => (errorFrame = true),
    ended: () => {
      setOpen(false)
      upstream.enter('stopped')
    },
    onState: (state, detail) => {
      if (state === 'disconnected') return onEnd(detail)
      setOpen(state === 'connected')
      upstream.enter(state === 'connected' ? 'live' : 'connecting')
    },
  }
}

const reasonOf = (reason: string, wasOpen: boolean): ReconnectReason => {
  if (!wasOpen) return 'refused'
  return reason.startsWith('no data') ? 'idle' : 'closed'
}

const report = (
  { reason, retryInMs }: SubscriptionDetail,
  kind: ReconnectReason,
  upstream: Upstream,
  room: Room,
): void => {
  const delayMs = retryInMs ?? 0
  if (kind === 'refused') room.metrics.errors.inc({ type: 'connection_failed' })
  if (kind !== 'error_frame') upstream.failed(reason ?? kind)
  room.logger[retryLevel(delayMs)]({ host: upstream.host, reason, delayMs }, 'disconnected, connecting again')
}
