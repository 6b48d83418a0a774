/** Which build this is: the version of the package, and the commit it was made from wherever that can be known. */
import { readFileSync } from 'node:fs'

/** The root of the package, from src/cli and from dist/cli alike. */
const ROOT = new URL('../../', import.meta.url)

const read = (path: string, root: URL): string | null => {
  try {
    return readFileSync(new URL(path, root), 'utf8').trim()
  } catch {
    return null
  }
}

/** `0.1.0+832a802`, as semver writes build metadata; `0.1.0` where nobody knows the commit. */
export const readVersion = (root = ROOT): string => {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
  const commit = read('commit.txt', root) ?? headOf(root)
  return commit === null ? version : `${version}+${commit.slice(0, 7)}`
}

/** The commit of a checkout, without running git: an image or a package carries `commit.txt` instead. */
const headOf = (root: URL): string | null => {
  const head = read('.git/HEAD', root)
  const branch = head?.match(/^ref: (refs\/[\w./-]+)$/)?.[1]
  if (branch === undefined) return asCommit(head)
  const packed = read('.git/packed-refs', root)
    ?.split('\n')
    .find((line) => line.endsWith(` ${branch}`))
  return asCommit(read(`.git/${branch}`, root) ?? packed?.split(' ')[0] ?? null)
}

const asCommit = (text: string | null): string | null =>
  text && /^[0-9a-f]{40,64}$/.test(text) ? text : null
