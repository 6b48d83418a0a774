/**
 * As whom PostgreSQL runs. Owns one fact: the server refuses root, and a machine's root often works in folders that nobody
 * else may enter (/root). Guarantees that whatever account is chosen can really reach program and data; creates no account
 * and changes no mode outside the data folder.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { EXIT, SetupError } from '../lib/errors.ts'

/** `null` uid: as ourselves. `prefix` is put before the command line; it switches the account where a plain setuid cannot. */
export type Account = {
  readonly uid: number | null
  readonly gid: number | null
  readonly prefix: readonly string[]
}

const OURSELVES: Account = { uid: null, gid: null, prefix: [] }

/** Picks the account for `programs` that shall work inside `folder` (which exists; `cluster` inside it may not). */
export const chooseAccount = (paths: { folder: string; cluster: string; program: string }): Account => {
  if (process.getuid?.() !== 0) return OURSELVES
  const { uid, gid } = ownerOf(paths.cluster) ?? userNamed('postgres') ?? userNamed('nobody') ?? noAccount()
  const candidates: Account[] = [{ uid, gid, prefix: [] }, ...withCapability(uid, gid)]
  const usable = candidates.find((account) => canReach(account, paths))
  if (usable) return usable
  throw new SetupError(
    `PostgreSQL may not run as root, and the account ${uid} cannot enter ${paths.folder}`,
    {
      remedy:
        'put project and data folder where every account may enter (not below /root), or give --database-url',
      exitCode: EXIT.cannotCreate,
    },
  )
}

/** spawn() options of an account: a prefix switches by itself, hence starts as we are. */
export const spawnIdentity = (account: Account): { uid?: number; gid?: number } =>
  account.uid === null || account.gid === null || account.prefix.length > 0
    ? {}
    : { uid: account.uid, gid: account.gid }

/** An existing cluster keeps its owner: PostgreSQL refuses data that belongs to another account. */
const ownerOf = (cluster: string): { uid: number; gid: number } | undefined => {
  const { uid, gid } = statSync(cluster, { throwIfNoEntry: false }) ?? { uid: 0, gid: 0 }
  return uid === 0 ? undefined : { uid, gid }
}

const userNamed = (name: string): { uid: number; gid: number } | undefined => {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined
}

const noAccount = (): never => {
  throw new SetupError('PostgreSQL may not run as root, and this machine has no account postgres or nobody', {
    remedy: 'run millrace as an ordinary user, or give --database-url',
    exitCode: EXIT.cannotCreate,
  })
}

/** The account plus the single right to pass folders that are closed to it; containers keep only the second of the two. */
const withCapability = (uid: number, gid: number): Account[] =>
  ['dac_read_search', 'dac_override'].map((name) => ({
    uid,
    gid,
    prefix: [
      'setpriv',
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      `--inh-caps=+${name}`,
      `--ambient-caps=+${name}`,
    ],
  }))

const canReach = (account: Account, paths: { folder: string; program: string }): boolean => {
  const script = 'cd "$1" && exec "$2" --version'
  const [command = 'sh', ...args] = [...account.prefix, 'sh', '-c', script, 'sh', paths.folder, paths.program]
  return spawnSync(command, args, { ...spawnIdentity(account), stdio: 'ignore' }).status === 0
}
