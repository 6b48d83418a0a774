/**
 * The captured events straight into the tables, in every order: the answer of the reference, and always the same answer, except
 * where a rule says why not.
 */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { needs } from '../harness/services.ts'
import { miscounted } from './counts.ts'
import { readHistory } from './history.ts'
import { Judge } from './judge.ts'
import { golden } from './network.ts'
import { dealt, replay, shuffled, type Replay } from './replay.ts'
import { HISTORY_RULES } from './rules-history.ts'
import { REFERENCE_RULES, silentMessages } from './rules-reference.ts'
import type { Tables } from './tables.ts'

const history = readHistory()
const { events } = history

/** Chosen so that every rule has something to explain; any other must do as well. */
const SEEDS = [1, 2, 18]

const OTHERS: Readonly<Record<string, Replay>> = {
  'in order, 50 at a time': { shares: [events], batch: 50 },
  'in order, 1000 at a time': { shares: [events], batch: 1_000 },
  'all of it twice': { shares: [[...events, ...events]], batch: 50 },
  ...Object.fromEntries(
    SEEDS.map((seed) => [`shuffled with seed ${seed}`, { shares: [shuffled(events, seed)], batch: 50 }]),
  ),
  'three appliers at once, in order': { shares: dealt(events, 3), batch: 20 },
  'three appliers at once, shuffled': { shares: dealt(shuffled(events, 3), 3), batch: 20 },
}

let inOrder: Tables = {}

before(async () => {
  inOrder = await replay({ shares: [events], batch: 1 })
})

test(
  'in the order of its stream, event by event, the tables are those of the reference',
  needs('pg'),
  (t) => {
    const judge = new Judge(history, [...REFERENCE_RULES, silentMessages])
    for (const line of judge.judge({ name: 'in order', ours: inOrder, theirs: golden })) t.diagnostic(line)
    judge.assertAllUsed()
    assert.deepEqual(miscounted(inOrder), [])
  },
)

test(
  'in any other order, and in any number of hands, they are the same but for lines of zeros',
  needs('pg'),
  async (t) => {
    const judge = new Judge(history, [...REFERENCE_RULES, silentMessages, ...HISTORY_RULES])
    const judgeOfOrders = new Judge(history, HISTORY_RULES)
    for (const [name, options] of Object.entries(OTHERS)) {
      const ours = await replay(options)
      assert.deepEqual(miscounted(ours), [], name)
      for (const line of judge.judge({ name, ours, theirs: golden })) t.diagnostic(line)
      judgeOfOrders.judge({ name: `${name}, against the order of the stream`, ours, theirs: inOrder })
    }
    judge.assertAllUsed()
    judgeOfOrders.assertAllUsed()
  },
)
