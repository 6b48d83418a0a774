/**
 * Captured data read from a folder, to be served as if its network were alive. Knows two layouts, which may lie together:
 * a whole network (`repos.frames`, `labels.frames`: u32 big-endian length + bytes each; `repos.json`, `cars/`, `status.json`,
 * `dids.json`, `handles.json`), and loose pieces (`repos/*.car`, `frames/*.json`: bodies in atproto JSON, or scenarios with
 * the identities of their accounts).
 *
 * Loose repositories are real accounts'. Where no identity is given with them, their document names no signing key: their
 * signature cannot be checked, and a reader has to be told not to.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode, decodeFirst } from '@atcute/cbor'
import { EXIT, SetupError } from '../lib/errors.ts'
import { cidText, digestOf } from './block.ts'
import { sectionsOf } from './damage.ts'
import { encodeFrame } from './frame.ts'

export type CapturedFrame = { readonly seq: number; readonly bytes: Buffer }

export type CapturedRepo = {
  readonly did: string
  readonly head: string
  readonly rev: string
  readonly active: boolean
  readonly status?: string
}

type Service = { id: string; type: string; serviceEndpoint: string }
export type DidDocument = {
  readonly id: string
  readonly service: readonly Service[]
  readonly [field: string]: unknown
}

export type Captured = {
  readonly frames: readonly CapturedFrame[]
  readonly labels: readonly CapturedFrame[]
  readonly repos: readonly CapturedRepo[]
  /** File of a repository's CAR. */
  readonly cars: ReadonlyMap<string, string>
  /** What getRepo answered where it answered with an error. */
  readonly failures: ReadonlyMap<string, { readonly status: number; readonly error: string }>
  readonly documents: ReadonlyMap<string, DidDocument>
  readonly handles: ReadonlyMap<string, string>
}

type Draft = {
  frames: CapturedFrame[]
  labels: CapturedFrame[]
  repos: CapturedRepo[]
  cars: Map<string, string>
  failures: Map<string, { status: number; error: string }>
  documents: Map<string, DidDocument>
  handles: Map<string, string>
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

const seqOf = (frame: Uint8Array): number => {
  const [, rest] = decodeFirst(frame) as [unknown, Uint8Array]
  return (decode(rest) as { seq?: number }).seq ?? 0
}

const readFrames = (path: string): CapturedFrame[] => {
  const file = readFileSync(path)
  const frames: CapturedFrame[] = []
  for (let at = 0; at < file.length;) {
    const end = at + 4 + file.readUInt32BE(at)
    const bytes = file.subarray(at + 4, end)
    frames.push({ seq: seqOf(bytes), bytes })
    at = end
  }
  return frames
}

const readNetwork = (folder: string, into: Draft): void => {
  into.frames.push(...readFrames(join(folder, 'repos.frames')))
  into.labels.push(...readFrames(join(folder, 'labels.frames')))
  into.repos.push(...(readJson(join(folder, 'repos.json')) as CapturedRepo[]))
  const status = readJson(join(folder, 'status.json')) as Record<string, { getRepo: number; error?: string }>
  for (const [did, { getRepo, error }] of Object.entries(status)) {
    if (getRepo === 200) into.cars.set(did, join(folder, 'cars', `${did.replaceAll(':', '_')}.car`))
    else into.failures.set(did, { status: getRepo, error: error ?? 'InvalidRequest' })
  }
  for (const [did, document] of Object.entries(
    readJson(join(folder, 'dids.json')) as Record<string, DidDocument>,
  )) {
    into.documents.set(did, document)
  }
  for (const [handle, did] of Object.entries(
    readJson(join(folder, 'handles.json')) as Record<string, string>,
  )) {
    into.handles.set(handle, did)
  }
}

const PDS: Service = { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: '' }

const documentWithout = (did: string): DidDocument => ({
  id: did,
  alsoKnownAs: [],
  verificationMethod: [],
  service: [PDS],
})

const readRepo = (path: string, into: Draft): void => {
  const root = sectionsOf(readFileSync(path))
    .map(({ block }) => block)
    .find(isCommit)
  if (root === undefined) throw new Error(`${path} holds no commit`)
  const { did, rev } = decode(root) as { did: string; rev: string }
  into.repos.push({ did, rev, head: cidText(digestOf(root)), active: true })
  into.cars.set(did, path)
  if (!into.documents.has(did)) into.documents.set(did, documentWithout(did))
}

const isCommit = (block: Uint8Array): boolean => {
  const value = decode(block) as { did?: unknown; rev?: unknown; sig?: unknown; data?: unknown }
  return typeof value.did === 'string' && value.sig !== undefined && value.data !== undefined
}

type Scenario = {
  accounts: {
    identity: {
      did: string
      handle: string
      alsoKnownAs: string[]
      keys: Record<string, { type: string; publicKeyMultibase: string }>
    }
  }[]
  messages: { frame: { header: object; body: { seq?: number } } }[]
}

const readScenario = ({ accounts, messages }: Scenario, into: Draft): void => {
  for (const { identity } of accounts) {
    const { did, handle, alsoKnownAs, keys } = identity
    const methods = Object.entries(keys).map(([id, key]) => ({ id: `${did}#${id}`, controller: did, ...key }))
    into.documents.set(did, { id: did, alsoKnownAs, verificationMethod: methods, service: [PDS] })
    into.handles.set(handle, did)
  }
  for (const { frame } of messages)
    into.frames.push({ seq: frame.body.seq ?? 0, bytes: encodeFrame(frame.header, frame.body) })
}

const readLooseFrames = (path: string, into: Draft): void => {
  const content = readJson(path) as Scenario | { seq: number; ops: unknown }
  if ('messages' in content) readScenario(content, into)
  else into.frames.push({ seq: content.seq, bytes: encodeFrame({ op: 1, t: '#commit' }, content) })
}

const filesIn = (folder: string, extension: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(extension))
        .sort()
        .map((name) => join(folder, name))
    : []

/** Everything in the folder that is known. A folder without anything known is an operator's mistake. */
export const readCaptured = (folder: string): Captured => {
  const draft: Draft = {
    frames: [],
    labels: [],
    repos: [],
    cars: new Map(),
    failures: new Map(),
    documents: new Map(),
    handles: new Map(),
  }
  const network = [folder, join(folder, 'network')].find((path) => existsSync(join(path, 'repos.frames')))
  if (network !== undefined) readNetwork(network, draft)
  for (const path of filesIn(join(folder, 'frames'), '.json')) readLooseFrames(path, draft)
  for (const path of filesIn(join(folder, 'repos'), '.car')) readRepo(path, draft)
  if (draft.frames.length === 0 && draft.repos.length === 0) {
    throw new SetupError(`${folder} holds no captured network, repositories or frames`, {
      remedy: 'name a folder with repos.frames, or with repos/*.car and frames/*.json',
      exitCode: EXIT.usage,
    })
  }
  draft.frames.sort((a, b) => a.seq - b.seq)
  return draft
}
