/** Redis's replies (RESP2 arrays) as values. Total over what the commands can answer; anything else is a bug and throws. */
import type { Entry, Fields } from '../log.ts'
import type { Reply } from './link.ts'

export const list = (reply: Reply | undefined): readonly Reply[] => {
  if (reply === null || reply === undefined) return []
  if (!Array.isArray(reply)) throw new Error('Redis answered something else than a list')
  return reply as readonly Reply[]
}

export const text = (reply: Reply | undefined): string | null =>
  reply === null || reply === undefined || Array.isArray(reply) ? null : String(reply)

export const number = (reply: Reply | undefined): number => Number(text(reply) ?? 0)

/** `name, value, name, value, …` */
export const record = (reply: Reply | undefined): ReadonlyMap<string, Reply> => {
  const items = list(reply)
  const map = new Map<string, Reply>()
  for (let i = 0; i + 1 < items.length; i += 2) map.set(String(items[i]), items[i + 1] ?? null)
  return map
}

const fieldsOf = (reply: Reply | undefined): Fields | null => {
  if (reply === null || reply === undefined) return null
  const items = list(reply)
  const fields: Record<string, string> = {}
  for (let i = 0; i + 1 < items.length; i += 2) fields[String(items[i])] = String(items[i + 1])
  return fields
}

/** `[[id, [name, value, …]], …]`; the body is nil when the entry was deleted while pending. */
export const entriesOf = (reply: Reply | undefined, deliveries: number): Entry[] =>
  list(reply)
    .filter((item) => item !== null)
    .map((item) => {
      const [id, fields] = list(item)
      return { id: String(id), fields: fieldsOf(fields), deliveries }
    })

/** The entries of the one stream that was read: `[[stream, entries]]`, nil when none came. */
export const readOf = (reply: Reply): Entry[] => entriesOf(list(list(reply)[0])[1], 1)

export type PendingRow = { id: string; consumer: string; idleMs: number; deliveries: number }

export const pendingRows = (reply: Reply | undefined): PendingRow[] =>
  list(reply).map((item) => {
    const [id, consumer, idle, deliveries] = list(item)
    return {
      id: String(id),
      consumer: String(consumer),
      idleMs: number(idle),
      deliveries: number(deliveries),
    }
  })

/** `<ms>-<n>`; the `<n>` may be missing. */
export type Position = readonly [ms: number, n: number]

export const positionOf = (id: string): Position => {
  const [ms, n] = id.split('-')
  return [Number(ms), Number(n ?? 0)]
}

export const isAfter = (a: Position, b: Position): boolean => (a[0] === b[0] ? a[1] > b[1] : a[0] > b[0])
