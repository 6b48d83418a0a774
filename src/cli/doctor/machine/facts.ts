/** Reads what the machine says of itself. */
import { readFile, statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import type { MachineFacts } from './check.ts'

const read = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => null,
  )

/** cgroup 2, then 1. A limit that is none reads `max`, or a number beyond any memory. */
const readLimit = async (): Promise<{ limit: number; used: number | null } | null> => {
  for (const [limitFile, usedFile] of CGROUP_FILES) {
    const limit = Number(await read(limitFile))
    if (limit > 0 && limit < totalmem()) return { limit, used: Number(await read(usedFile)) || null }
  }
  return null
}

const CGROUP_FILES = [
  ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory.current'],
  ['/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory/memory.usage_in_bytes'],
] as const

/** `MemAvailable` counts what the kernel would give back; free memory alone says nothing. */
const readUsed = async (): Promise<number | null> => {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec((await read('/proc/meminfo')) ?? '')?.[1]
  return available === undefined ? null : totalmem() - Number(available) * 1024
}

/** Of the folder, or of the nearest parent that exists: where `up` would create it. */
const readDisk = async (folder: string): Promise<MachineFacts['disk']> => {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch {
    const parent = dirname(folder)
    return parent === folder ? null : readDisk(parent)
  }
}

export const readMachine = async (dataFolder: string | null): Promise<MachineFacts> => {
  const cgroup = await readLimit()
  const files = /^Max open files\s+(\d+)/m.exec((await read('/proc/self/limits')) ?? '')?.[1]
  return {
    nodeVersion: process.version,
    memoryBytes: cgroup?.limit ?? totalmem(),
    isContainer: cgroup !== null,
    memoryUsedBytes: cgroup === null ? await readUsed() : cgroup.used,
    disk: dataFolder === null ? null : await readDisk(resolve(dataFolder)),
    openFiles: files === undefined ? null : Number(files),
  }
}
