/** Paths of the protocol's methods. */
export const xrpc = (nsid: string): string => `/xrpc/${nsid}`

export const SUBSCRIBE_REPOS = xrpc('com.atproto.sync.subscribeRepos')
export const SUBSCRIBE_LABELS = xrpc('com.atproto.label.subscribeLabels')
