/** What the tests of the sandbox read its bytes with: written apart from the code that makes them. */
import { hash } from 'node:crypto'
import { decode, decodeFirst, encode, fromBytes, type Bytes, type CidLink } from '@atcute/cbor'
import { decode as decodeCid, fromDigest, toString } from '@atcute/cid'
import { WebSocket } from 'ws'
import { startSandbox, type Sandbox, type SandboxOptions } from './index.ts'
import { SUBSCRIBE_REPOS } from './names.ts'

type CommitBlock = { did: string; rev: string; data: CidLink; version: number; prev: null; sig: Bytes }
type NodeBlock = { l: CidLink | null; e: { p: number; k: Bytes; v: CidLink; t: CidLink | null }[] }

export type ReadCar = { readonly root: string; readonly blocks: ReadonlyMap<string, Uint8Array> }

const readVarint = (bytes: Uint8Array, start: number): [number, number] => {
  let value = 0
  let shift = 0
  for (let at = start; ; at++) {
    const byte = bytes[at]
    if (byte === undefined) throw new Error('the CAR ends inside a length')
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return [value, at + 1]
    shift += 7
  }
}

export const cidOf = (block: Uint8Array): string =>
  toString(fromDigest(0x71, hash('sha256', block, 'buffer')))

/** Reads a CAR and checks every hash. */
export const readCar = (bytes: Uint8Array): ReadCar => {
  const [headerLength, headerAt] = readVarint(bytes, 0)
  const header = decode(bytes.subarray(headerAt, headerAt + headerLength)) as { roots: CidLink[] }
  const blocks = new Map<string, Uint8Array>()
  for (let at = headerAt + headerLength; at < bytes.length;) {
    const [length, from] = readVarint(bytes, at)
    at = from + length
    if (at > bytes.length) throw new Error('the CAR ends inside a section')
    const cid = toString(decodeCid(bytes.subarray(from, from + 36)))
    const block = bytes.subarray(from + 36, at)
    if (cid !== cidOf(block)) throw new Error(`the block of ${cid} is another`)
    blocks.set(cid, block)
  }
  return { root: header.roots[0]?.$link ?? '', blocks }
}

const blockOf = (car: ReadCar, cid: string): Uint8Array => {
  const block = car.blocks.get(cid)
  if (block === undefined) throw new Error(`the block ${cid} is missing`)
  return block
}

export const readCommit = (car: ReadCar): CommitBlock => decode(blockOf(car, car.root)) as CommitBlock

const childrenOf = (node: NodeBlock): { key: string; cid: string; tree: string | null }[] => {
  let previous = Buffer.alloc(0)
  return node.e.map(({ p, k, v, t }) => {
    previous = Buffer.concat([previous.subarray(0, p), fromBytes(k)])
    return { key: previous.toString('latin1'), cid: v.$link, tree: t?.$link ?? null }
  })
}

/** Keys in order with their values; a missing node is an error. */
export function* readTree(car: ReadCar, root: string): Generator<readonly [string, string]> {
  const node = decode(blockOf(car, root)) as NodeBlock
  if (node.l !== null) yield* readTree(car, node.l.$link)
  for (const { key, cid, tree } of childrenOf(node)) {
    yield [key, cid]
    if (tree !== null) yield* readTree(car, tree)
  }
}

const layerOf = (key: string): number => {
  const bits = [...hash('sha256', key, 'buffer')].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return Math.floor(bits.indexOf('1') / 2)
}

const encodeNaive = (entries: readonly (readonly [string, string])[], layer: number): string => {
  const e: object[] = []
  let start = 0
  let previous = ''
  let left: string | null = null
  const subtree = (end: number): string | null =>
    end > start ? encodeNaive(entries.slice(start, end), layer - 1) : null
  const link = (cid: string | null): unknown => (cid === null ? null : toLink(cid))
  let last: Record<string, unknown> | null = null
  for (const [i, [key, cid]] of entries.entries()) {
    if (layerOf(key) !== layer) continue
    if (last === null) left = subtree(i)
    else last['t'] = link(subtree(i))
    let p = 0
    while (p < previous.length && previous[p] === key[p]) p++
    last = {
      p,
      k: { $bytes: Buffer.from(key.slice(p)).toString('base64').replace(/=+$/, '') },
      v: link(cid),
      t: null,
    }
    e.push(last)
    previous = key
    start = i + 1
  }
  if (last === null) left = subtree(entries.length)
  else last['t'] = link(subtree(entries.length))
  return cidOf(encode({ l: link(left), e }))
}

const links = new Map<string, unknown>()
const toLink = (cid: string): unknown => {
  if (!links.has(cid)) links.set(cid, { $link: cid })
  return links.get(cid)
}

/** The root that a tree of these entries must have, built from nothing: keys sorted, then layer by layer. */
export const naiveRoot = (entries: Iterable<readonly [string, string]>): string => {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
  return encodeNaive(sorted, Math.max(0, ...sorted.map(([key]) => layerOf(key))))
}

export type SeenFrame = {
  readonly header: { op: number; t?: string }
  readonly body: Record<string, unknown>
  readonly bytes: Buffer
}

export const readFrame = (bytes: Buffer): SeenFrame => {
  const [header, rest] = decodeFirst(bytes) as [SeenFrame['header'], Uint8Array]
  return { header, body: decode(rest) as Record<string, unknown>, bytes }
}

export type Reading = Promise<{ messages: Buffer[]; closeCode: number | null }> & {
  readonly opened: Promise<WebSocket>
}

/** Messages of a stream until `enough` says so, asked after each, or until the server closes. */
export const readStream = (url: string, enough: (messages: readonly Buffer[]) => boolean): Reading => {
  const socket = new WebSocket(url.replace(/^http/, 'ws'))
  const messages: Buffer[] = []
  const opened = new Promise<WebSocket>((resolve) => socket.once('open', () => resolve(socket)))
  const all = new Promise<{ messages: Buffer[]; closeCode: number | null }>((resolve, reject) => {
    socket.on('message', (data) => {
      messages.push(data as Buffer)
      try {
        if (!enough(messages)) return
        resolve({ messages, closeCode: null })
      } catch (error) {
        reject(new Error('the reader of the stream failed', { cause: error }))
      }
      socket.terminate()
    })
    socket.on('close', (closeCode) => resolve({ messages, closeCode }))
    socket.on('error', reject)
  })
  return Object.assign(all, { opened })
}

export const reposStream = (relay: string, cursor?: number): string =>
  `${relay}${SUBSCRIBE_REPOS}${cursor === undefined ? '' : `?cursor=${cursor}`}`

type Context = { after(end: () => Promise<void>): void }

/** A small sandbox that ends with its test. */
export const running = async (t: Context, options: SandboxOptions = {}): Promise<Sandbox> => {
  const sandbox = await startSandbox({ accounts: 12, records: 400, ratePerSecond: 0, didWebs: 1, ...options })
  t.after(() => sandbox.close())
  return sandbox
}

export const fetchJson = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T

export const fetchCar = async (pds: string, did: string): Promise<Uint8Array> => {
  const response = await fetch(`${pds}/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(did)}`)
  if (!response.ok) throw new Error(`getRepo of ${did}: ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** Every frame that a relay has sent so far. */
export const streamed = async (sandbox: Sandbox, relay = 0): Promise<SeenFrame[]> => {
  const { events } = await fetchJson<{ events: number }>(sandbox.controlUrl)
  const { messages } = await readStream(
    reposStream(sandbox.relayUrls[relay] as string, 0),
    (seen) => seen.length >= events,
  )
  return messages.map(readFrame)
}
