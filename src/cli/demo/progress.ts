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
export const createProgress = (stream: NodeJS.WriteStream, plainEveryMs = 5_000): Progress => {
  const everyMs = stream.isTTY ? 0 : plainEveryMs
  let last = { at: performance.now(), indexed: 0 }
  return {
    update: (figures) => {
      const elapsed = performance.now() - last.at
      if (elapsed < everyMs) return
      const rate = Math.max(0, ((figures.indexed - last.indexed) / elapsed) * 1_000)
      last = { at: performance.now(), indexed: figures.indexed }
      stream.write(stream.isTTY ? `\r\u001b[2K${line(figures, rate)}` : `${line(figures, rate)}\n`)
    },
    end: () => {
      if (stream.isTTY) stream.write('\n')
    },
  }
}
