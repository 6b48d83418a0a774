/** Sends the world's events through every relay and remembers which of them arrived nowhere. */
import { frameOf, type RelayFeed } from './relay.ts'
import type { WorldEvent } from './world.ts'

export class Broadcast {
  readonly #feeds: readonly RelayFeed[]
  /** By what would make it good: a handle that arrived nowhere is not told by a later #account or #sync. */
  readonly #unreachable = new Map<string, string>()
  events = 0

  constructor(feeds: readonly RelayFeed[]) {
    this.#feeds = feeds
  }

  get unreachable(): ReadonlySet<string> {
    return new Set(this.#unreachable.values())
  }

  send(event: WorldEvent): void {
    this.events++
    const frame = frameOf(event)
    let usable = false
    for (const [i, feed] of this.#feeds.entries()) {
      // The last relay may have the frame's own buffer: nobody numbers it after.
      if (feed.send(event, frame, i < this.#feeds.length - 1)) usable = true
    }
    for (const uri of urisOf(event)) {
      const key = `${event.kind} ${uri}`
      if (usable) this.#unreachable.delete(key)
      else this.#unreachable.set(key, uri)
    }
  }
}

const urisOf = (event: WorldEvent): string[] => {
  const { did } = event.account
  return event.kind === 'commit' ? event.commit.ops.map(({ path }) => `at://${did}/${path}`) : [did]
}
