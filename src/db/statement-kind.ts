/** What a statement is for, as a closed set that its time can be told by: whoever writes SQL says which of the words applies. */
export const STATEMENT_KINDS = [
  'guard',
  'records',
  'typed',
  'satellites',
  'duplicates',
  'aggregates',
  'settle',
  'notifications',
  'accounts',
  'labels',
  'identity',
  'commit',
  'other',
] as const
export type StatementKind = (typeof STATEMENT_KINDS)[number]
