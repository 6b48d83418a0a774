/** Names of streams, groups, fields and keys. They are rsky's (spec: contract 1.0): the contract of a mixed fleet. */

export const FIREHOSE_LIVE = 'firehose_live'
export const FIREHOSE_BACKFILL = 'firehose_backfill'
export const REPO_BACKFILL = 'repo_backfill'
export const LABEL_LIVE = 'label_live'
export const REPO_BACKFILL_DLQ = 'repo_backfill_dlq'

export const DEFAULT_INDEXER_GROUP = 'firehose_group'
export const DEFAULT_BACKFILLER_GROUP = 'repo_backfill_group'

/** Dead letters of a stream other than `repo_backfill` go to `<stream>_dlq`. */
export const deadLetterStream = (stream: string): string => `${stream}_dlq`

/**
 * The checkpoint of one upstream of one stream: `<stream>:cursor:<host>`. `host` is the setting *verbatim*, as rsky keys it;
 * readers that find nothing there also try the scheme-less form, which the TypeScript ancestor wrote.
 */
export const cursorKey = (stream: string, host: string): string => `${stream}:cursor:${host}`

/** Value of a `repo_backfill` cursor once the host's list has been walked to its end. */
export const LIST_REPOS_DONE = '!ingester-done'

/** Resolved identity caches shared by a fleet, kept 24 hours. */
export const didKeyCacheKey = (did: string): string => `did:key:${did}`
export const didPdsCacheKey = (did: string): string => `did:pds:${did}`
