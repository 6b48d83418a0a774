/** What a perfect indexer would hold now: the answer that oracles compare with. */
import { cidText } from './block.ts'
import type { Account } from './account.ts'
import type { Counts, World } from './world.ts'

export type TruthRecord = {
  readonly uri: string
  readonly cid: string
  /** Rev of the commit that wrote it. Whoever has it from a CAR knows it under the later rev of the CAR's commit. */
  readonly rev: string
  readonly collection: string
  readonly did: string
}

export type TruthAccount = {
  readonly did: string
  readonly handle: string
  readonly active: boolean
  readonly status: string | null
  readonly rev: string
  /** CID of the newest commit. */
  readonly head: string
  readonly pds: string
}

export type TruthLabel = {
  readonly src: string
  readonly uri: string
  readonly cid: string | null
  readonly val: string
  readonly neg: boolean
  readonly cts: string
  readonly exp: string | null
}

export type Truth = {
  readonly records: readonly TruthRecord[]
  readonly accounts: readonly TruthAccount[]
  /** handle → DID, of accounts that are not deleted. */
  readonly handles: Readonly<Record<string, string>>
  /** The newest label of each (src, uri, cid, val), negations included. */
  readonly labels: readonly TruthLabel[]
  /** Writes ever made, those before the relay's window included. */
  readonly produced: Readonly<Record<string, Readonly<Counts>>>
  /** URIs whose newest live frame a fault made unusable; a backfill still reaches those that exist. */
  readonly unreachableLive: readonly string[]
}

export function* truthRecords(world: World): Generator<TruthRecord> {
  for (const account of world.accounts) {
    if (account.status === 'deleted') continue
    const { did } = account
    for (const { key, digest, rev } of account.repo.leaves()) {
      yield {
        uri: `at://${did}/${key}`,
        cid: cidText(digest),
        rev,
        collection: key.slice(0, key.indexOf('/')),
        did,
      }
    }
  }
}

const truthAccount = (account: Account): TruthAccount => ({
  did: account.did,
  handle: account.handle,
  active: account.active,
  status: account.status,
  rev: account.repo.head.rev,
  head: cidText(account.repo.head.digest),
  pds: account.pds,
})

export type TruthParts = {
  readonly labels: readonly TruthLabel[]
  readonly unreachableLive: readonly string[]
}

export const truthWithoutRecords = (world: World, parts: TruthParts): Omit<Truth, 'records'> => ({
  accounts: world.accounts.map(truthAccount),
  handles: Object.fromEntries([...world.byHandle].map(([handle, { did }]) => [handle, did])),
  labels: parts.labels,
  produced: Object.fromEntries(world.produced),
  unreachableLive: parts.unreachableLive,
})

/** The truth as JSON text in pieces: it may be large. Consistent only if read before the next write. */
export function* truthJson(world: World, parts: TruthParts): Generator<string> {
  const rest = JSON.stringify(truthWithoutRecords(world, parts))
  let piece = `${rest.slice(0, -1)},"records":[`
  let first = true
  for (const record of truthRecords(world)) {
    piece += (first ? '' : ',') + JSON.stringify(record)
    first = false
    if (piece.length < 256 * 1024) continue
    yield piece
    piece = ''
  }
  yield `${piece}]}`
}
