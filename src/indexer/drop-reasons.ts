/** Why an event is dropped: the closed set. Knows nothing else, so that the command line can name the reasons without the indexer. */

/** Why a valid record yields no rows at all (not even its `record` line). */
export const ROW_REFUSALS = ['foreign_list', 'foreign_gate'] as const
export type RowRefusal = (typeof ROW_REFUSALS)[number]

/** The event is at fault: such drops can be listed (dropped.ts). */
export const INVALID_REASONS = [
  'invalid_record',
  'invalid_rev',
  'invalid_time',
  'unstorable_text',
  'too_deep',
  ...ROW_REFUSALS,
] as const
export type InvalidReason = (typeof INVALID_REASONS)[number]

/** A collection that is not kept is nobody's fault. */
export const DROP_REASONS = ['unknown_collection', ...INVALID_REASONS] as const
export type DropReason = (typeof DROP_REASONS)[number]
