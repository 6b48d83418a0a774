/**
 * The forms of a Redis URL:
 *
 *     redis://[user:pass@]host[:port][/db]                          one server
 *     redis+sentinel://[user:pass@]h1[:p1],h2[:p2]/<master>[/db]    found through sentinels (default port 26379)
 *     redis+cluster://[user:pass@]h1[:p1],h2[:p2]                   a cluster, from any of its nodes
 *
 * and each with `rediss` for TLS. `?ca=<file>` names a private certificate authority; `?sentinelUsername=` and
 * `?sentinelPassword=` are for sentinels with their own password.
 */
import { EXIT, SetupError } from '../../lib/errors.ts'

export type Endpoint = { readonly host: string; readonly port: number }

export type Credentials = { readonly username?: string; readonly password?: string }

type Common = {
  readonly nodes: readonly Endpoint[]
  readonly tls: boolean
  readonly caFile: string | null
  readonly credentials: Credentials
}

export type RedisTarget =
  | (Common & { readonly kind: 'single'; readonly db: number })
  | (Common & {
      readonly kind: 'sentinel'
      readonly db: number
      readonly master: string
      readonly sentinelCredentials: Credentials
    })
  | (Common & { readonly kind: 'cluster' })

const FORM =
  /^redis(?<tls>s?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<auth>[^@/?]*)@)?(?<hosts>[^@/?]+)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/

/** Errors: SetupError(usage). The URL is not repeated in it, because it may hold a password. */
export const parseRedisUrl = (url: string): RedisTarget => {
  const parts = FORM.exec(url)?.groups
  if (parts === undefined) throw malformed('The Redis URL has an unknown form.')
  const query = new URLSearchParams(parts['query'] ?? '')
  const path = (parts['path'] ?? '').split('/').filter((part) => part !== '')
  const common = (defaultPort: number): Common => ({
    nodes: (parts['hosts'] ?? '').split(',').map((host) => parseEndpoint(host, defaultPort)),
    tls: parts['tls'] === 's',
    caFile: query.get('ca'),
    credentials: parseAuth(parts['auth']),
  })
  switch (parts['kind']) {
    case 'sentinel':
      return sentinel(common(26379), path, query)
    case 'cluster':
      if (path.length > 0 && path[0] !== '0') throw malformed('A Redis Cluster has no numbered databases.')
      return { kind: 'cluster', ...common(6379) }
    default:
      return single(common(6379), path)
  }
}

const single = (common: Common, path: readonly string[]): RedisTarget => {
  if (common.nodes.length > 1) throw malformed('The Redis URL names several hosts.')
  return { kind: 'single', ...common, db: parseDb(path[0]) }
}

const sentinel = (common: Common, path: readonly string[], query: URLSearchParams): RedisTarget => {
  const master = path[0]
  if (master === undefined) throw malformed('The sentinel URL does not name its master.')
  const username = query.get('sentinelUsername')
  const password = query.get('sentinelPassword')
  return {
    kind: 'sentinel',
    ...common,
    master: decodeURIComponent(master),
    db: parseDb(path[1]),
    sentinelCredentials: { ...(username && { username }), ...(password && { password }) },
  }
}

const parseEndpoint = (text: string, defaultPort: number): Endpoint => {
  const match = /^(?<host>\[[^\]]+\]|[^:]+)(?::(?<port>\d+))?$/.exec(text)?.groups
  const host = match?.['host']?.replace(/^\[|\]$/g, '')
  const port = match?.['port'] === undefined ? defaultPort : Number(match['port'])
  if (host === undefined || host === '' || port < 1 || port > 65535)
    throw malformed('The Redis URL has a bad host or port.')
  return { host, port }
}

const parseAuth = (auth: string | undefined): Credentials => {
  if (auth === undefined || auth === '') return {}
  const colon = auth.indexOf(':')
  const username = colon < 0 ? auth : auth.slice(0, colon)
  const password = colon < 0 ? '' : auth.slice(colon + 1)
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}

const parseDb = (text: string | undefined): number => {
  if (text === undefined) return 0
  if (!/^\d{1,5}$/.test(text)) throw malformed('The database in the Redis URL is not a number.')
  return Number(text)
}

const malformed = (message: string): SetupError =>
  new SetupError(message, {
    remedy:
      'Write redis://[user:pass@]host:port/db, redis+sentinel://h1:p1,h2:p2/<master>/db or redis+cluster://h1:p1,h2:p2 ' +
      '(rediss… for TLS; encode special characters of a password with %XX).',
    exitCode: EXIT.usage,
  })
