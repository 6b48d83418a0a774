/** The captured network (test/fixtures/network): its frames, what its hosts answered, and the rows the reference made of it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeFrame } from '../../src/atproto/frame.ts'
import { parseRepoMessage, type RepoMessage } from '../../src/atproto/message.ts'
import type { Tables } from './tables.ts'

export const NETWORK_DIR = join(import.meta.dirname, '../fixtures/network')

/** The collections of the capture: the default filter and one of another app that the reference keeps. */
export const NETWORK_COLLECTIONS = ['app.bsky.*', 'chat.bsky.*', 'com.germnetwork.*']

const json = (name: string): unknown => JSON.parse(readFileSync(join(NETWORK_DIR, name), 'utf8'))

/** Table by table what the reference indexer held after the frames in order; `*` where its value was its own clock's. */
export const golden = json('golden.json') as Tables

/** DID documents by DID. */
export const documents = json('dids.json') as Readonly<
  Record<string, { readonly alsoKnownAs?: readonly string[] }>
>
/** DIDs by handle, as the hosts resolve them. */
export const handles = json('handles.json') as Readonly<Record<string, string>>
/** What getRepo answered, by DID. */
export const repoAnswers = json('status.json') as Readonly<
  Record<string, { readonly getRepo: number; readonly error?: string }>
>
/** listRepos. */
export const listedRepos = json('repos.json') as readonly {
  readonly did: string
  readonly rev: string
  readonly active: boolean
  readonly status?: string
}[]

/** Raw messages: u32 big-endian length, then the bytes. */
export const readFrames = (name: string): Buffer[] => {
  const file = readFileSync(join(NETWORK_DIR, name))
  const frames: Buffer[] = []
  for (let at = 0; at < file.length;) {
    const end = at + 4 + file.readUInt32BE(at)
    frames.push(file.subarray(at + 4, end))
    at = end
  }
  return frames
}

/** The messages of the capture, all of which can be read. */
export const readMessages = (): Exclude<RepoMessage, { type: 'info' }>[] =>
  readFrames('repos.frames').map((bytes) => {
    const frame = decodeFrame(bytes)
    if ('drop' in frame || frame.kind !== 'message') throw new Error('a captured frame cannot be read')
    const message = parseRepoMessage(frame)
    if ('drop' in message || message.type === 'info') throw new Error('a captured message cannot be read')
    return message
  })
