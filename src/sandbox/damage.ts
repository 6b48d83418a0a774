/** Makes good bytes bad: CARs with a forged commit or a missing block, frames that are too large or no CBOR. */
import { BytesWrapper, decode, encode, toBytes } from '@atcute/cbor'
import { CID_BYTES, digestOf, SectionWriter, carHeader, type Digest } from './block.ts'
import { encodeFrame } from './frame.ts'
import type { Random } from './random.ts'
import type { RepoCommit } from './repo.ts'

export type Section = { readonly digest: Digest; readonly block: Uint8Array }

const readVarint = (bytes: Uint8Array, start: number): { value: number; end: number } => {
  let value = 0
  let end = start
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[end++] ?? 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return { value, end }
  }
}

/** Sections of a CAR of ours, the root first. */
export const sectionsOf = (car: Uint8Array): Section[] => {
  const header = readVarint(car, 0)
  const sections: Section[] = []
  for (let at = header.end + header.value; at < car.length;) {
    const { value, end } = readVarint(car, at)
    at = end + value
    const digest = Buffer.from(car.buffer, car.byteOffset + end + 4, CID_BYTES - 4).toString('latin1')
    sections.push({ digest, block: car.subarray(end + CID_BYTES, at) })
  }
  return sections
}

const rebuild = (root: Digest, sections: readonly Section[]): Buffer => {
  const writer = new SectionWriter()
  for (const { digest, block } of sections) writer.add(digest, block)
  return Buffer.concat([carHeader(root), writer.view()])
}

/** Flips a bit of the signature. The forged commit is another block, so it has another CID. */
const forge = (block: Uint8Array): Section => {
  const commit = decode(block) as { sig: BytesWrapper }
  const sig = Uint8Array.from(commit.sig.buf)
  sig[40] = (sig[40] ?? 0) ^ 1
  const forged = encode({ ...commit, sig: toBytes(sig) })
  return { digest: digestOf(forged), block: forged }
}

/** The CAR under a commit whose signature is wrong. */
export const forgeCar = (car: Uint8Array): { car: Buffer; commit: Section } => {
  const [root, ...rest] = sectionsOf(car)
  const commit = forge((root as Section).block)
  return { car: rebuild(commit.digest, [commit, ...rest]), commit }
}

export const forgeCommit = (commit: RepoCommit): RepoCommit => {
  const forged = forgeCar(commit.blocks)
  return { ...commit, blocks: forged.car, head: { ...commit.head, ...forged.commit } }
}

/** The CAR without one block that is not its root: the given one, or any. */
export const loseBlock = (car: Uint8Array, random: Random, wanted: Digest | null): Buffer => {
  const sections = sectionsOf(car)
  const found = sections.findIndex(({ digest }) => digest === wanted)
  const lost = found > 0 ? found : 1 + random.int(Math.max(1, sections.length - 1))
  return rebuild((sections[0] as Section).digest, sections.toSpliced(lost, 1))
}

/** More than any reader has to accept: the event stream spec sets 5 MB. */
const OVERSIZE_BYTES = 6 * 1024 * 1024

/** A well-formed message of the type that is too large. */
export const oversizeFrame = (type: string, body: object): Buffer =>
  encodeFrame({ op: 1, t: type }, { ...body, padding: toBytes(new Uint8Array(OVERSIZE_BYTES)) })

/** The frame cut in its body: no CBOR any more. */
export const garble = (frame: Buffer): Buffer => frame.subarray(0, Math.floor(frame.length * 0.6))

export const unknownFrame = (seq: number, time: string): Buffer =>
  encodeFrame({ op: 1, t: '#sandboxNews' }, { seq, time, text: 'a type that does not exist' })

export const corruptSignature = (sig: Uint8Array): Uint8Array => {
  const bad = Uint8Array.from(sig)
  bad[10] = (bad[10] ?? 0) ^ 1
  return bad
}
