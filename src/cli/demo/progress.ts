/** The live line of the demo: what has been produced, what has arrived, and how fast. Draws; decides nothing. */
import { figure, perSecond } from '../table.ts'

export type Figures = {
  /** Records the network holds or has sent. */
  readonly produced: number
  /** Rows in `record`. */
  readonly indexed: number
  /** Entries in the streams. */
  readonly queued: number
}

export type Progress = { readonly update: (figures: Figures) => void; readonly end: () => void }

const BAR = 20

const bar = ({ produced, indexed }: Figures): string => {
  const full = produced === 0 ? 0 : Math.min(BAR, Math.floor((indexed / produced) * BAR))
  return '█'.repeat(full) + '░'.repeat(BAR - full)
}

const line = (figures: Figures, rate: number): string =>
  `${bar(figures)} indexed ${figure(figures.indexed)} of ${figure(figures.produced)} records, ` +
  `${perSecond(rate)}, ${figure(figures.queued)} entries in the streams`

/** On a terminal one line that moves; elsewhere a line per update, every few seconds. */
export const createProgress = (stream: NodeJS.WriteStream, everyMs = 5_000): Progress => {
  let last: { at: number; indexed: number } | null = null
  let printedAt = 0
  const draw = (text: string, now: number): void => {
    if (stream.isTTY) stream.write(`\r\u001b[2K${text}`)
    else if (now - printedAt >= everyMs) {
      printedAt = now
      stream.write(`${text}\n`)
    }
  }
  return {
    update: (figures) => {
      const now = performance.now()
      const rate = last === null ? 0 : ((figures.indexed - last.indexed) / (now - last.at)) * 1_000
      last = { at: now, indexed: figures.indexed }
      draw(line(figures, Math.max(0, rate)), now)
    },
    end: () => {
      if (stream.isTTY) stream.write('\n')
    },
  }
}
