/** Captured bytes and interop files, read for tests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fixturesDir } from '../harness/services.ts'

export const fixtureBytes = (path: string): Buffer => readFileSync(join(fixturesDir(), path))

export const fixtureJson = (path: string): unknown => JSON.parse(fixtureBytes(path).toString('utf8'))

/** Cases of a syntax file: one per line, without comments and empty lines; blanks at either end are part of the case. */
export const fixtureLines = (path: string): readonly string[] =>
  fixtureBytes(path)
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))

/** Raw WebSocket messages: u32 big-endian length, then the bytes. */
export const fixtureFrames = (path: string): readonly Buffer[] => {
  const file = fixtureBytes(path)
  const frames: Buffer[] = []
  for (let at = 0; at < file.length;) {
    const end = at + 4 + file.readUInt32BE(at)
    frames.push(file.subarray(at + 4, end))
    at = end
  }
  return frames
}
