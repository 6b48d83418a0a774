/** Asks both AppViews the same questions as several viewers, and sums up how their answers compare. */
import { ask, questions, type Asked, type Question, type Viewer } from './answers.ts'
import type { Comparison } from './compare.ts'
import type { Network } from './network.ts'
import { judgeAnswer, reasonsOf, unexplained } from './reasons.ts'
import type { AnswerDifference, AnswerReport } from './report.ts'
import type { Answer } from './xrpc.ts'

type Options = {
  readonly network: Network
  /** Our AppView. */
  readonly ours: string
  readonly comparison: Comparison
  readonly say: (text: string) => void
}

type Interviewed = {
  readonly viewers: readonly string[]
  readonly answers: readonly AnswerReport[]
  /** Answers of the reference that show a label of the labeler. */
  readonly labelled: number
  readonly differentAnswers: readonly AnswerDifference[]
}

/** Who blocks, who is blocked, who is labelled, who came late: by handle. */
const VIEWERS = ['alice.test', 'bob.test', 'dan.test', 'eve.test', 'nora.test']

/** A signature lasts a minute, and takes longer to make than an answer. */
const SIGNATURE_LASTS_MS = 20_000

const remembered = (sign: Viewer['headers']): Viewer['headers'] => {
  const known = new Map<string, { readonly headers: ReturnType<Viewer['headers']>; readonly until: number }>()
  return (nsid) => {
    const found = known.get(nsid)
    if (found && found.until > Date.now()) return found.headers
    const headers = sign(nsid)
    known.set(nsid, { headers, until: Date.now() + SIGNATURE_LASTS_MS })
    return headers
  }
}

const viewersOf = ({ network, comparison }: Options): Viewer[] => {
  const didOf = (handle: string) => {
    const did = comparison.theirs['actor']?.find((row) => row['handle'] === handle)?.['did']
    if (typeof did !== 'string') throw new Error(`the reference has no account ${handle}`)
    return did
  }
  return [
    { name: 'nobody', did: '', headers: async () => ({}) },
    ...VIEWERS.map((name) => ({
      name,
      did: didOf(name),
      headers: remembered((nsid) => network.serviceHeaders(didOf(name), nsid)),
    })),
  ]
}

/** How many things an answer shows: those of its list, or the one that was asked for. */
const itemsIn = ({ list, holds = list }: Question, { status, body }: Answer): number => {
  if (status !== 200) return 0
  if (holds === undefined) return 1
  const items = (body as Readonly<Record<string, unknown>>)[holds]
  return Array.isArray(items) ? items.length : 0
}

const EMPTY = { asked: 0, refused: 0, empty: 0, items: 0, equal: 0, explained: 0, different: 0 }

/** Each filter of a feed is a question of its own. */
const nameOf = ({ nsid, query: { filter } }: Question): string =>
  typeof filter === 'string' ? `${nsid} ${filter}` : nsid

class Summary {
  readonly #lines = new Map<string, AnswerReport>()

  add({ question, theirs }: Asked, judgement: ReturnType<typeof judgeAnswer>): void {
    const name = nameOf(question)
    const line = this.#lines.get(name) ?? { name, ...EMPTY }
    const items = itemsIn(question, theirs)
    line.asked++
    line.items += items
    line[judgement]++
    if (theirs.status !== 200) line.refused++
    else if (items === 0) line.empty++
    this.#lines.set(name, line)
  }

  lines(): AnswerReport[] {
    return [...this.#lines.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

export const interview = async (options: Options): Promise<Interviewed> => {
  const { network, ours, comparison, say } = options
  const viewers = viewersOf(options)
  const reasons = reasonsOf(comparison.explained, comparison.ours, comparison.theirs)
  const all = questions(comparison.ours, comparison.theirs)
  const summary = new Summary()
  const differentAnswers: AnswerDifference[] = []
  say(`asking ${all.length} questions as ${viewers.length} viewers`)
  const labeler = network.ozone.ctx.cfg.service.did
  let labelled = 0
  for await (const asked of ask({ ours, theirs: network.bsky.url, viewers, questions: all, labeler })) {
    const judgement = judgeAnswer(asked, reasons)
    summary.add(asked, judgement)
    if (JSON.stringify(asked.theirs.body).includes(`"src":"${labeler}"`)) labelled++
    if (judgement !== 'different') continue
    const { nsid, query } = asked.question
    differentAnswers.push({ viewer: asked.viewer.name, nsid, query, where: unexplained(asked, reasons) })
  }
  return {
    viewers: viewers.map(({ name }) => name),
    answers: summary.lines(),
    labelled,
    differentAnswers,
  }
}
