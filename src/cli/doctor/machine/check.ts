/** Judges the machine the doctor runs on: Node, memory, disk. Pure. */
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { bytesText, percentText } from '../words.ts'

export type MachineFacts = {
  readonly nodeVersion: string
  /** The limit that ends the process: of the container, or the machine's own memory. */
  readonly memoryBytes: number
  readonly isContainer: boolean
  readonly memoryUsedBytes: number | null
  /** Null when there is no data folder. */
  readonly disk: { readonly folder: string; readonly freeBytes: number; readonly totalBytes: number } | null
  readonly openFiles: number | null
}

const MIB = 1024 ** 2
const GIB = 1024 ** 3
/** The measured peak of a backfiller with its default of 128 MB of repositories, with room for the rest. */
const LEAST_MEMORY = 512 * MIB
const OLDEST_NODE = 24

export const checkMachine = (facts: MachineFacts): Finding[] => [
  checkNode(facts.nodeVersion),
  checkMemory(facts),
  ...(facts.disk === null ? [] : [checkDisk(facts.disk)]),
  ...(facts.openFiles !== null && facts.openFiles < 1_024 ? [fewFiles(facts.openFiles)] : []),
]

const checkNode = (version: string): Finding =>
  Number(/^v?(\d+)/.exec(version)?.[1] ?? 0) >= OLDEST_NODE
    ? ok('machine.node', `Node ${version}.`)
    : error('machine.node', `Node ${version} is too old.`, {
        why: 'The services are written for Node 24 and do not start on an older one.',
        fix: 'npm ci   # brings the right one along; or install Node 24',
      })

const checkMemory = ({ memoryBytes, memoryUsedBytes, isContainer }: MachineFacts): Finding => {
  const place = isContainer ? 'This container' : 'This machine'
  const used = memoryUsedBytes === null ? null : memoryUsedBytes / memoryBytes
  const text = `${place} has ${bytesText(memoryBytes)} of memory${used === null ? '' : `, ${percentText(used)} of it used`}.`
  if (memoryBytes < LEAST_MEMORY)
    return warning('machine.memory', text, {
      why: 'A backfiller holds up to --backfiller-memory (128 MB) of repositories besides its own 100 MB; when the limit is reached the kernel ends it without a word.',
      fix: 'raise the limit to 512 MB or more, or export MILLRACE_BACKFILLER_MEMORY=32MB MILLRACE_MAX_REPO=32MB',
    })
  if (used !== null && used > 0.95)
    return warning('machine.memory', text, {
      why: 'When the rest is used up the kernel ends a process, most likely the largest: a store.',
      fix: 'ps aux --sort=-rss | head',
    })
  return ok('machine.memory', text)
}

const checkDisk = ({ folder, freeBytes, totalBytes }: NonNullable<MachineFacts['disk']>): Finding => {
  const text = `${bytesText(freeBytes)} of ${bytesText(totalBytes)} are free where ${folder} is.`
  const reason = {
    why: 'Streams and PostgreSQL of an `up` live there; when it is full both refuse every write and intake stops.',
    fix: `df -h ${folder}; du -sh ${folder}/*   # make room, or move it: millrace up --data <folder>`,
  }
  if (freeBytes < GIB / 2) return error('machine.disk', text, reason)
  if (freeBytes < 5 * GIB && freeBytes / totalBytes < 0.2) return warning('machine.disk', text, reason)
  return ok('machine.disk', text)
}

const fewFiles = (limit: number): Finding =>
  info('machine.files', `A process may open ${limit} files.`, {
    why: 'A backfiller with high concurrency has a few hundred connections.',
    fix: 'ulimit -n 65536   # or LimitNOFILE= of the systemd unit',
  })
