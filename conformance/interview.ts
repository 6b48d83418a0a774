/** Asks both AppViews the same questions as several viewers, and sums up how their answers compare. */
import type { Difference, Tables } from '../test/conformance/tables.ts'
import { ask, questions, type Viewer } from './answers.ts'
import type { Network } from './network.ts'
import { firstDifference, judgeAnswer, reasonsOf } from './reasons.ts'
import type { AnswerDifference, AnswerReport } from './report.ts'

type Options = {
  readonly network: Network
  /** Our AppView. */
  readonly ours: string
  /** What there is to ask about. */
  readonly tables: Tables
  readonly explained: readonly Difference[]
  readonly say: (text: string) => void
}

type Interviewed = {
  readonly viewers: readonly string[]
  readonly answers: readonly AnswerReport[]
  readonly differentAnswers: readonly AnswerDifference[]
}

/** Who blocks, who is blocked, who is labelled, who came late: by handle. */
const VIEWERS = ['alice.test', 'bob.test', 'dan.test', 'eve.test', 'nora.test']

const viewersOf = ({ network, tables }: Options): Viewer[] => {
  const didOf = (handle: string) => (tables['actor'] ?? []).find((row) => row['handle'] === handle)?.['did']
  return [
    { name: 'nobody', headers: async () => ({}) },
    ...VIEWERS.map((name) => ({
      name,
      headers: (nsid: string) => network.serviceHeaders(String(didOf(name)), nsid),
    })),
  ]
}

export const interview = async (options: Options): Promise<Interviewed> => {
  const { network, ours, tables, explained, say } = options
  const viewers = viewersOf(options)
  const reasons = reasonsOf(explained)
  const all = questions(tables)
  const found = new Map<string, AnswerReport>()
  const differentAnswers: AnswerDifference[] = []
  say(`asking ${all.length} questions as ${viewers.length} viewers`)
  const labeler = network.ozone.ctx.cfg.service.did
  for await (const asked of ask({ ours, theirs: network.bsky.url, viewers, questions: all, labeler })) {
    const { nsid, query } = asked.question
    const line = found.get(nsid) ?? { nsid, asked: 0, equal: 0, explained: 0, different: 0 }
    const judgement = judgeAnswer(asked.ours, asked.theirs, reasons)
    line.asked++
    line[judgement]++
    found.set(nsid, line)
    if (judgement !== 'different') continue
    const where = firstDifference(asked.ours, asked.theirs) ?? ''
    differentAnswers.push({ viewer: asked.viewer, nsid, query, where })
  }
  return { viewers: viewers.map(({ name }) => name), answers: [...found.values()], differentAnswers }
}
