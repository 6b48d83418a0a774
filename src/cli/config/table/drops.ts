/** Settings of `millrace drops`: which lines of the list to show. */
import { INVALID_REASONS, type InvalidReason } from '../../../indexer/drop-reasons.ts'
import { int, list, name, oneOf, optional } from '../kinds.ts'
import { setting } from '../setting.ts'

export const drops = {
  reason: setting<readonly InvalidReason[]>({
    kind: list(oneOf(INVALID_REASONS), `some of ${INVALID_REASONS.join(',')}, separated by commas`),
    default: [],
    commands: ['drops'],
    text: 'Show only what was dropped for these reasons.',
  }),
  did: setting<string | null>({
    kind: optional(
      name(/^did:[a-z]+:[A-Za-z0-9._:%-]{1,2040}$/, 'a DID such as did:plc:ewvi7nxzyoun6zhxrhs64oiz'),
    ),
    default: null,
    absent: 'all accounts',
    commands: ['drops'],
    text: 'Show only what this account wrote.',
  }),
  limit: setting({
    kind: int({ min: 1, max: 10_000 }),
    default: 50,
    commands: ['drops'],
    text: 'Most lines to show.',
  }),
}
