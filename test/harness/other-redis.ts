/**
 * Other versions of Redis than the one that is installed: those of the next Debian, unpacked into a folder of their own and
 * run through their own loader and libraries. Guarantees that the system is left as it is (a private apt configuration, no
 * installation) and that a folder is made once and used by all later runs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type OtherRedis = 'redis-8' | 'valkey'

/** How to start it, or why it cannot be had. */
export type Provided = { readonly command: readonly string[] } | { readonly missing: string }

const SUITE = 'trixie'
const MIRROR = 'http://deb.debian.org/debian'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const LIBRARIES = [
  ...['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1', 'libjemalloc2', 'liblzf1', 'libssl3t64', 'zlib1g'],
  ...['libsystemd0', 'libcap2', 'liblz4-1', 'liblzma5', 'libzstd1', 'libgcrypt20', 'libgpg-error0'],
]
const PACKAGES: Record<OtherRedis, readonly string[]> = {
  'redis-8': ['redis-server', 'redis-tools', ...LIBRARIES],
  valkey: ['valkey-server', 'valkey-tools', ...LIBRARIES],
}
const BINARY: Record<OtherRedis, string> = { 'redis-8': 'redis-server', valkey: 'valkey-server' }

export const provideRedis = (kind: OtherRedis): Provided => {
  const folder = join(tmpdir(), 'millrace-test-programs', `${kind}-${SUITE}`)
  if (!existsSync(folder)) {
    const problem = unpack(kind, folder)
    if (problem !== null) return { missing: problem }
  }
  const command = commandIn(folder, kind)
  const answer = spawnSync(command[0] ?? '', [...command.slice(1), '--version'], { encoding: 'utf8' })
  if (answer.status === 0) return { command }
  // It was offered and came, so it has to run.
  if (process.env['CI'] === 'true')
    throw new Error(`${kind} of Debian ${SUITE} does not run: ${answer.stderr}`)
  return { missing: `${kind} of Debian ${SUITE} does not run on this machine` }
}

/** Through the loader that came with it: the libraries of this machine may be too old for it. */
const commandIn = (folder: string, kind: OtherRedis): string[] => {
  const loader = globSync(join(folder, 'root/usr/lib/*/ld-linux*.so.*'))[0] ?? 'no-loader'
  return [loader, '--library-path', join(loader, '..'), join(folder, 'root/usr/bin', BINARY[kind])]
}

/** Null when it is there. A folder that is not complete never has the name of one that is. */
const unpack = (kind: OtherRedis, folder: string): string | null => {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get') || !existsSync(KEYRING))
    return `${kind} can only be fetched by root on Debian`
  const work = `${folder}.${process.pid}`
  mkdirSync(join(work, 'lists/partial'), { recursive: true })
  mkdirSync(join(work, 'root'))
  try {
    console.error(`millrace tests: fetching ${kind} from Debian ${SUITE} into ${folder}`)
    const problem = download(kind, work)
    if (problem !== null) return problem
    for (const archive of globSync(join(work, '*.deb')))
      run(work, 'dpkg-deb', ['-x', archive, join(work, 'root')])
    renameSync(work, folder)
    return null
  } catch (error) {
    if (existsSync(folder)) return null
    throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const download = (kind: OtherRedis, work: string): string | null => {
  const list = join(work, 'sources.list')
  writeFileSync(list, `deb [signed-by=${KEYRING}] ${MIRROR} ${SUITE} main\n`)
  const settings = [
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${join(work, 'lists')}`,
    `Dir::Cache=${work}`,
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting])
  const isFetched =
    run(work, 'apt-get', ['-qq', ...settings, 'update']) &&
    run(work, 'apt-get', ['-qq', ...settings, 'download', ...PACKAGES[kind]])
  return isFetched ? null : `${kind} is not offered by the package archive this machine can reach`
}

const run = (cwd: string, command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { cwd, stdio: 'ignore', env: { ...process.env, LC_ALL: 'C' } }).status === 0
