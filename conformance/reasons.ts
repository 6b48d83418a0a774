/**
 * Answers follow rows: where two answers differ because rows do, and the rows for a reason of docs/conformance.md, the answers
 * must be equal without just those items and figures. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import { gateOf, text } from '../test/conformance/rule.ts'
import { ROW, type Difference, type Tables } from '../test/conformance/tables.ts'
import type { Asked } from './answers.ts'

type Fields = Readonly<Record<string, unknown>>

/** What of a view is read from which column. */
const VIEW_FIELDS: Readonly<Record<string, readonly string[]>> = {
  likeCount: ['likeCount'],
  repostCount: ['repostCount'],
  replyCount: ['replyCount'],
  quoteCount: ['quoteCount'],
  followersCount: ['followersCount'],
  followsCount: ['followsCount'],
  postsCount: ['postsCount'],
  createdAt: ['createdAt'],
}
const OF_GATED = ['threadgate', 'replyDisabled', 'embeddingDisabled']
const OF_OWN_THREAD = ['opThread', 'opThreadPostIndex', 'opThreadPostCount']

/** The answers in whose lists the rows of a table are items. */
const ITEMS_OF: Readonly<Record<string, readonly string[]>> = {
  feed_item: ['app.bsky.feed.getAuthorFeed', 'app.bsky.feed.getTimeline', 'app.bsky.feed.getListFeed'],
  quote: ['app.bsky.feed.getQuotes'],
  notification: ['app.bsky.notification.listNotifications'],
  starter_pack: ['app.bsky.graph.getActorStarterPacks'],
}

export type Reasons = {
  readonly ours: Tables
  readonly theirs: Tables
  /** By question: items that are there, or at their place, on one side only. */
  readonly items: ReadonlyMap<string, ReadonlySet<string>>
  /** By uri or DID: fields of its views that may differ. */
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>
  /** Gates that one side does not know of. */
  readonly gates: ReadonlySet<string>
}

class Sets {
  readonly all = new Map<string, Set<string>>()

  add(key: string, values: readonly string[]): void {
    const known = this.all.get(key) ?? new Set()
    for (const value of values) known.add(value)
    this.all.set(key, known)
  }
}

const isItem = ({ table, columns }: Difference): boolean => columns.includes(ROW) || table === 'notification'

/** A record may notify for several reasons. */
const itemOf = ({ table, ours, theirs }: Difference): string => {
  const row = ours ?? theirs
  return table === 'notification' ? `${text(row, 'recordUri')} ${text(row, 'reason')}` : text(row, 'uri')
}

const viewOf = ({ table, ours, theirs }: Difference): string => {
  const row = ours ?? theirs
  return table === 'profile' ? text(row, 'creator') : text(row, 'uri') || text(row, 'did')
}

/** The posts of a thread, whose root is the first. */
const threadOf = (tables: readonly Tables[], root: string): string[] => [
  root,
  ...tables.flatMap((side) =>
    (side['post'] ?? []).filter((row) => row['replyRoot'] === root).map((row) => text(row, 'uri')),
  ),
]

export const reasonsOf = (explained: readonly Difference[], ours: Tables, theirs: Tables): Reasons => {
  const [items, fields, gates] = [new Sets(), new Sets(), new Set<string>()]
  for (const difference of explained) {
    const { table, columns } = difference
    if (isItem(difference)) for (const nsid of ITEMS_OF[table] ?? []) items.add(nsid, [itemOf(difference)])
    for (const column of columns) fields.add(viewOf(difference), VIEW_FIELDS[column] ?? [])
    const row = difference.ours ?? difference.theirs
    const thread = (root: string) => threadOf([ours, theirs], root)
    if (table === 'op_thread_reply')
      for (const post of thread(text(row, 'rootUri'))) fields.add(post, OF_OWN_THREAD)
    if (table !== 'post') continue
    if (columns.includes('hasThreadGate')) gates.add(gateOf(text(row, 'uri'), 'threadgate'))
    if (columns.some((column) => column === 'hasThreadGate' || column === 'hasPostGate'))
      for (const post of thread(text(row, 'uri'))) fields.add(post, OF_GATED)
  }
  return { ours, theirs, items: items.all, fields: fields.all, gates }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What an item of a list may be known by: itself, its post, the repost that brought it. */
const keysOf = (item: Fields): string[] =>
  [item, item['post'], item['reason']].flatMap((part) =>
    isObject(part) ? [text(part, 'uri'), `${text(part, 'uri')} ${text(part, 'reason')}`] : [],
  )

/** Without a time of its own the list of notifications is as new as its first item, whose time may differ. */
const withoutTop = (value: Fields): Fields => {
  const first: unknown = Array.isArray(value['notifications']) ? value['notifications'][0] : null
  return isObject(first) ? { ...value, seenAt: value['seenAt'] === first['indexedAt'] } : value
}

class Eraser {
  readonly #reasons: Reasons
  readonly #items: ReadonlySet<string>

  constructor(reasons: Reasons, nsid: string) {
    this.#reasons = reasons
    this.#items = reasons.items.get(nsid) ?? new Set()
  }

  /** The answer without what may differ. `ofView`: the fields of the view that the value belongs to. */
  without(value: unknown, ofView: ReadonlySet<string> = new Set()): unknown {
    if (Array.isArray(value))
      return value.filter((item) => !this.#isOneSided(item)).map((item) => this.without(item))
    if (!isObject(value)) return value
    const post = isObject(value['post']) ? value['post'] : {}
    const left = new Set([
      ...ofView,
      ...[value['uri'], value['did'], post['uri']].flatMap((key) => [
        ...(this.#reasons.fields.get(String(key)) ?? []),
      ]),
    ])
    return Object.fromEntries(
      Object.entries(withoutTop(value))
        .filter(([name, inner]) => !left.has(name) && !this.#isGate(inner))
        .map(([name, inner]) => [name, this.#inner(name, inner, left)]),
    )
  }

  #inner(name: string, value: unknown, left: ReadonlySet<string>): unknown {
    const found = this.without(value, name === 'viewer' ? left : undefined)
    // In the order of how many follow them, which is a figure that may differ.
    const isSorted = name === 'listItemsSample' && Array.isArray(found)
    return isSorted
      ? found.toSorted((a, b) => (text(a as Fields, 'uri') < text(b as Fields, 'uri') ? -1 : 1))
      : found
  }

  #isOneSided(item: unknown): boolean {
    return isObject(item) && keysOf(item).some((key) => this.#items.has(key))
  }

  #isGate(value: unknown): boolean {
    return isObject(value) && this.#reasons.gates.has(text(value, 'uri'))
  }
}

/** Of the notifications those count whose record is there. */
const unread = (tables: Tables, did: string): number => {
  const records = new Set((tables['record'] ?? []).map((row) => row['uri']))
  return (tables['notification'] ?? []).filter((row) => row['did'] === did && records.has(row['recordUri']))
    .length
}

const countsItsRows = (answer: unknown, tables: Tables, did: string): boolean =>
  isDeepStrictEqual(answer, { status: 200, body: { count: unread(tables, did) } })

export type Judgement = 'equal' | 'explained' | 'different'

export const judgeAnswer = (
  { question: { nsid }, viewer: { did }, ours, theirs }: Asked,
  reasons: Reasons,
): Judgement => {
  if (isDeepStrictEqual(ours, theirs)) return 'equal'
  const eraser = new Eraser(reasons, nsid)
  const isExplained =
    nsid === 'app.bsky.notification.getUnreadCount'
      ? countsItsRows(ours, reasons.ours, did) && countsItsRows(theirs, reasons.theirs, did)
      : isDeepStrictEqual(eraser.without(ours), eraser.without(theirs))
  return isExplained ? 'explained' : 'different'
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 200)

/** Items that one list has and the other has not. */
const onlyIn = (list: readonly unknown[], other: readonly unknown[]): string => {
  const known = new Set(other.map((item) => JSON.stringify(isObject(item) ? keysOf(item) : item)))
  const only = list.filter((item) => !known.has(JSON.stringify(isObject(item) ? keysOf(item) : item)))
  return `${list.length} items, of them alone ${only.map(shown).join(' ')}`
}

/** The first place where two answers differ, as a path with both values. */
const firstDifference = (ours: unknown, theirs: unknown, path = ''): string | null => {
  if (isDeepStrictEqual(ours, theirs)) return null
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length !== theirs.length)
    return `${path}: ours ${onlyIn(ours, theirs)}; theirs ${onlyIn(theirs, ours)}`
  if ((isObject(ours) && isObject(theirs)) || (Array.isArray(ours) && Array.isArray(theirs))) {
    const [mine, other] = [ours as Fields, theirs as Fields]
    for (const key of new Set([...Object.keys(mine), ...Object.keys(other)])) {
      const found = firstDifference(mine[key], other[key], `${path}.${key}`)
      if (found !== null) return found
    }
  }
  return `${path}: ours ${shown(ours)}, theirs ${shown(theirs)}`
}

/** Where two answers differ without a reason. */
export const unexplained = ({ question: { nsid }, ours, theirs }: Asked, reasons: Reasons): string => {
  const eraser = new Eraser(reasons, nsid)
  const left = firstDifference(eraser.without(ours), eraser.without(theirs))
  return left ?? firstDifference(ours, theirs) ?? ''
}
