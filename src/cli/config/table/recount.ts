/** Settings of `millrace recount`: whether it writes, and how much it looks at in one transaction. */
import { bool, int } from '../kinds.ts'
import { setting } from '../setting.ts'

export const recount = {
  repair: setting({
    kind: bool,
    default: false,
    commands: ['recount'],
    text: 'Write the right figures in the place of the wrong ones.',
  }),
  rangeRows: setting({
    kind: int({ min: 1, max: 1_000_000 }),
    default: 10_000,
    commands: ['recount'],
    text: 'Most rows of one table that are counted in one transaction; the rows of one key are never split.',
  }),
}
