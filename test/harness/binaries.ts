/**
 * Programs that tests run against. Owns where they are looked for and how Debian's packages are installed; never lets a
 * package start its own system service.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type Program =
  | 'redis-server'
  | 'prometheus'
  | 'promtool'
  | 'alertmanager'
  | 'amtool'
  | 'redis-exporter'
  | 'postgres-exporter'
  | 'docker-compose'
  | 'chromium'
  | 'curl'
  | 'jq'
  | 'psql'
  | 'pgbouncer'
  | 'redis-cli'
  | 'c++'
  | 'make'
  | 'python3'

const NAMES: Record<Program, readonly string[]> = {
  'redis-server': ['redis-server', 'valkey-server'],
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  alertmanager: ['prometheus-alertmanager', 'alertmanager'],
  amtool: ['amtool'],
  'redis-exporter': ['prometheus-redis-exporter', 'redis_exporter'],
  'postgres-exporter': ['prometheus-postgres-exporter', 'postgres_exporter'],
  'docker-compose': ['docker-compose'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  curl: ['curl'],
  jq: ['jq'],
  psql: ['psql'],
  pgbouncer: ['pgbouncer'],
  'redis-cli': ['redis-cli'],
  'c++': ['c++', 'g++', 'clang++'],
  make: ['make'],
  python3: ['python3'],
}

const DEBIAN_PACKAGE: Record<Program, string> = {
  'redis-server': 'redis-server',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  alertmanager: 'prometheus-alertmanager',
  amtool: 'prometheus-alertmanager',
  'redis-exporter': 'prometheus-redis-exporter',
  'postgres-exporter': 'prometheus-postgres-exporter',
  'docker-compose': 'docker-compose',
  chromium: 'chromium',
  curl: 'curl',
  jq: 'jq',
  psql: 'postgresql-client',
  pgbouncer: 'pgbouncer',
  'redis-cli': 'redis-tools',
  'c++': 'build-essential',
  make: 'build-essential',
  python3: 'python3',
}

/** An override by environment (TEST_REDIS_SERVER, TEST_PROMETHEUS, TEST_PROMTOOL, TEST_CHROMIUM) comes first. */
export const findProgram = (program: Program): string | null => {
  const override = process.env[`TEST_${program.toUpperCase().replaceAll('-', '_')}`]
  if (override) return override
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/bin',
    '/usr/sbin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
  ]
  const paths = NAMES[program].flatMap((name) => folders.map((folder) => join(folder, name)))
  return paths.find(isExecutable) ?? null
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Installs Debian packages when this machine lets us (root, apt-get); whether they are there now, the caller looks. */
export const installPrograms = (programs: readonly Program[]): void => {
  if (process.getuid?.() !== 0 || !existsSync(APT_GET)) return
  const packages = [...new Set(programs.map((program) => DEBIAN_PACKAGE[program]))]
  console.error(`millrace tests: installing ${packages.join(', ')} by apt-get`)
  withoutServices(() => {
    apt(['update'])
    apt(['install', '-y', '--no-install-recommends', ...packages])
  })
}

const APT_GET = '/usr/bin/apt-get'

const apt = (args: string[]): void => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  const done = spawnSync(APT_GET, ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env,
    encoding: 'utf8',
  })
  if (done.status !== 0) console.error(`apt-get ${args.join(' ')} failed:\n${done.stderr.slice(-2_000)}`)
}

/** Debian's own switch: while this file says 101, installing a package starts no daemon. */
const POLICY = '/usr/sbin/policy-rc.d'

const withoutServices = (install: () => void): void => {
  const ours = !existsSync(POLICY)
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    install()
  } finally {
    if (ours) rmSync(POLICY, { force: true })
  }
}
