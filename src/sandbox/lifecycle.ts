/**
 * What befalls accounts: birth, new handles, deactivation and return, takedown, deletion, migration between PDSes. Each
 * changes the world and tells of it with the events a real network would send, in their order.
 */
import type { Account, AccountStatus } from './account.ts'
import type { World } from './world.ts'

/** Changes that come back later: what was left, the network ends in any case. */
export type Later = (steps: number, happening: () => void) => void

export const birth = (world: World): void => {
  const account = world.createAccount()
  account.repo.settle(account.nextTid(world.nowMs * 1000))
  world.tell({ kind: 'identity', account, handle: account.handle })
  world.tell({ kind: 'account', account, status: null })
  world.tell({ kind: 'sync', account })
}

export const changeHandle = (world: World): void => {
  const account = world.author()
  const [name = 'user'] = account.handle.split(/[.-]/)
  world.rename(account, `${name}-${world.random.int(1_000_000)}.test`)
  account.publish(world.nowMs)
  world.tell({ kind: 'identity', account, handle: account.handle })
}

/** Identity events need not name the handle: the reader has to look. */
export const touchIdentity = (world: World): void =>
  world.tell({ kind: 'identity', account: world.author(), handle: null })

export const announceSync = (world: World): void => world.tell({ kind: 'sync', account: world.author() })

const setStatus = (world: World, account: Account, status: AccountStatus | null): void => {
  account.status = status
  world.tell({ kind: 'account', account, status })
}

const bringBack = (world: World, account: Account): void => {
  setStatus(world, account, null)
  world.tell({ kind: 'sync', account })
}

/**
 * An account whose records were all streamed: while it is away no backfill can reach them, and the truth has to stay
 * reachable. Null when there is none or too few others are left.
 */
const expendable = (world: World): Account | null => {
  const candidates = world.accounts.filter((account) => account.active && account.repo.streamed)
  return candidates.length === 0 ? null : world.random.pick(candidates)
}

const away =
  (status: AccountStatus, returns: number) =>
  (world: World, later: Later): void => {
    const account = expendable(world)
    if (account === null) return birth(world)
    setStatus(world, account, status)
    if (world.random.chance(returns)) later(20 + world.random.int(200), () => bringBack(world, account))
  }

export const deactivate = away('deactivated', 0.7)
export const takeDown = away('takendown', 0.3)
export const suspend = away('suspended', 0.8)

/** Ends the account for good: records, identity and handle are gone. The first few stay, lest a small network dies out. */
export const deleteAccount = (world: World): void => {
  const account = world.author()
  if (account.index < KEPT || account.isService) return touchIdentity(world)
  world.forgetHandle(account)
  account.tombstone(world.nowMs)
  setStatus(world, account, 'deleted')
}
const KEPT = 5

/**
 * The account moves to another PDS. Its old one says so late: an event older than the return, which a reader that looks at
 * times ignores.
 */
export const migrate = (world: World, later: Later): void => {
  const account = world.author()
  const others = world.pdses.filter((url) => url !== account.pds)
  if (others.length === 0) return touchIdentity(world)
  const leftMs = world.nowMs - 1_000
  account.formerPdses.push(account.pds)
  account.pds = world.random.pick(others)
  account.publish(world.nowMs)
  world.tell({ kind: 'identity', account, handle: account.handle })
  world.tell({ kind: 'account', account, status: null })
  world.tell({ kind: 'sync', account })
  if (!world.staleAccountEvents) return
  later(10 + world.random.int(50), () => {
    if (account.active) world.tell({ kind: 'account', account, status: 'deactivated', timeMs: leftMs })
  })
}
