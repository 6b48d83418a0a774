/** How far a recount is, for a person who watches: one line that goes when the answer comes. Silent where nobody watches. */
import type { TableRecount } from '../../indexer/recount.ts'
import { figure } from '../table.ts'

type Terminal = Pick<NodeJS.WriteStream, 'write' | 'isTTY'>

const EVERY_MS = 200

export const createProgress = (terminal: Terminal) => {
  let lastMs = -Infinity
  const say = (text: string) => {
    if (terminal.isTTY) terminal.write(`\r\u001b[K${text}`)
  }
  return {
    update: ({ table, keys, rows }: TableRecount, found: number): void => {
      const nowMs = performance.now()
      if (nowMs - lastMs < EVERY_MS) return
      lastMs = nowMs
      say(`${table}: ${figure(keys)} keys, ${figure(rows)} rows counted; wrong so far: ${figure(found)} …`)
    },
    end: (): void => say(''),
  }
}
