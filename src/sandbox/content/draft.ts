/**
 * What record builders work with: who writes, when, and what exists to be talked about. A draft is a record that is not yet
 * in a repository.
 */
import { cidText, digestOf, cidLink, type Digest } from '../block.ts'
import type { Account } from '../account.ts'
import type { Random } from '../random.ts'

/** A record that others may refer to. */
export type Ref = {
  readonly uri: string
  readonly did: string
  readonly rkey: string
  readonly digest: Digest
}

/** A post knows the thread it stands in. */
export type PostRef = Ref & { readonly root: Ref | null }

export type Draft = {
  readonly collection: string
  /** Drawn from the clock when absent. */
  readonly rkey?: string
  readonly record: Record<string, unknown>
  readonly blobs?: readonly Digest[]
  /** Of a reply: the first post of its thread. */
  readonly root?: Ref | null
}

/** What the network holds that records refer to; each list is bounded. */
export type Pools = {
  readonly posts: PostRef[]
  readonly reposts: Ref[]
  readonly lists: Ref[]
  readonly generators: Ref[]
  readonly starterPacks: Ref[]
  readonly labelers: Ref[]
}

export type Writer = {
  readonly random: Random
  readonly account: Account
  readonly nowMs: number
  readonly pools: Pools
  /** Another account, popular ones more often. */
  someone(): Account
}

/** Makes a draft, or null when the network holds nothing it could refer to. */
export type Builder = (writer: Writer) => Draft | null

export const strongRef = (ref: Ref): { uri: string; cid: string } => ({
  uri: ref.uri,
  cid: cidText(ref.digest),
})

export const timestamp = (writer: Writer): string => new Date(writer.nowMs).toISOString()

/** One of the pool, newer ones more often. */
export const recent = <T>(writer: Pick<Writer, 'random'>, pool: readonly T[]): T | null =>
  pool[pool.length - 1 - writer.random.skewed(pool.length)] ?? null

export type Blob = {
  readonly $type: 'blob'
  readonly ref: unknown
  readonly mimeType: string
  readonly size: number
}

/** A blob that no one stores: its link is the hash of bytes that are thrown away. */
export const blob = (writer: Writer, mimeType: string, blobs: Digest[]): Blob => {
  const digest = digestOf(writer.random.bytes(16))
  blobs.push(digest)
  return { $type: 'blob', ref: cidLink(digest, 'raw'), mimeType, size: 1_000 + writer.random.int(900_000) }
}
