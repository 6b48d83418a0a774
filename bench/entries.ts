/** Stream entries as the ingester writes them, made from a sandbox network's own frames. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import { decodeFrame } from '../src/atproto/frame.ts'
import { parseRepoMessage } from '../src/atproto/message.ts'
import { encodeEvent } from '../src/event/codec.ts'
import { convertMessage, DEFAULT_COLLECTIONS } from '../src/ingester/convert.ts'
import { silentLogger } from '../src/lib/logger.ts'
import { startSandbox } from '../src/sandbox/index.ts'
import type { Fields } from '../src/stream/log.ts'

/** On a busy machine the first frames, or the next, may be long in coming; most records are a frame of their own. */
const LONGEST_WAIT_SECONDS = 5
/** So long without a frame is the end: a busy machine is silent for a second now and then. */
const QUIET_SECONDS = 3

/** Room for every frame: what has left the window of a relay is not told any more. */
const WINDOW_BYTES = 1024 ** 3

/** The frames of a network that streams everything live, oldest first. */
const sandboxFrames = async (records: number, accounts: number, seed: string): Promise<Uint8Array[]> => {
  const sandbox = await startSandbox({
    seed,
    accounts,
    records,
    backfillShare: 0,
    ratePerSecond: 1_000_000,
    windowBytes: WINDOW_BYTES,
    logger: silentLogger,
  })
  await sandbox.done
  const socket = new WebSocket(
    `${sandbox.relayUrls[0]?.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`,
  )
  const frames: Uint8Array[] = []
  socket.on('message', (data: Buffer) => frames.push(data))
  await once(socket, 'open')
  const isShort = (seconds: number) => frames.length < records && seconds < LONGEST_WAIT_SECONDS
  for (let quiet = 0, seconds = 0; quiet < QUIET_SECONDS || isShort(seconds); seconds++) {
    const seen = frames.length
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    quiet = frames.length === seen ? quiet + 1 : 0
  }
  socket.terminate()
  await sandbox.close()
  return frames
}

export const sandboxEntries = async (
  records: number,
  accounts: number = Math.max(50, Math.round(records / 100)),
  seed = '7',
): Promise<Fields[]> =>
  (await sandboxFrames(records, accounts, seed)).flatMap((bytes) => {
    const frame = decodeFrame(bytes)
    if ('drop' in frame || frame.kind === 'error') return []
    const message = parseRepoMessage(frame)
    if ('drop' in message || message.type === 'info') return []
    return convertMessage(message, { collections: DEFAULT_COLLECTIONS, receivedAtMs: Date.now() }).events.map(
      encodeEvent,
    )
  })

/** The same, made by a process of its own: what it takes to make them is then not in the memory that is measured. */
export const entriesApart = async (records: number, accounts: number, seed: string): Promise<Fields[]> => {
  const args = [import.meta.filename, String(records), String(accounts), seed]
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const entries: Fields[] = []
  for await (const line of createInterface({ input: child.stdout })) entries.push(JSON.parse(line) as Fields)
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error('the process that makes entries failed')
  if (entries.length < records) throw new Error(`${entries.length} entries came of ${records} records`)
  return entries
}

if (import.meta.main) {
  const [records, accounts, seed] = process.argv.slice(2)
  for (const entry of await sandboxEntries(Number(records), Number(accounts), seed))
    process.stdout.write(`${JSON.stringify(entry)}\n`)
}
