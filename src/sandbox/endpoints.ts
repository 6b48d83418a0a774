/** What the hosts of the network answer: PLC directory, PDS, relay and control. */
import { cidText } from './block.ts'
import type { Account } from './account.ts'
import { page, required, XrpcFailure, type Exchange, type Handler, type Host, type Routes } from './http.ts'
import type { Faults } from './faults.ts'
import { sendCar } from './http-faults.ts'
import type { SignedLabel } from './labels.ts'
import { xrpc } from './names.ts'
import { didDocument, plcData } from './plc.ts'
import type { World } from './world.ts'

const status = (account: Account): object =>
  account.status === null ? { active: true } : { active: false, status: account.status }

const accountOf = (world: World, did: string): Account => {
  const account = world.byDid.get(did)
  if (account === undefined) throw new XrpcFailure(404, 'RepoNotFound', `no repository of ${did} is here`)
  return account
}

const FAILURES: Record<NonNullable<Account['status']>, string> = {
  deactivated: 'RepoDeactivated',
  takendown: 'RepoTakendown',
  suspended: 'RepoSuspended',
  deleted: 'RepoNotFound',
}

/** The account when `pds` hosts it and may serve its repository. */
const servedBy = (world: World, pds: string, did: string): Account => {
  const account = accountOf(world, did)
  const failure = account.status === null ? null : FAILURES[account.status]
  if (failure !== null) throw new XrpcFailure(400, failure, `the repository of ${did} is ${account.status}`)
  if (account.pds === pds) return account
  if (account.formerPdses.includes(pds))
    throw new XrpcFailure(400, 'RepoDeactivated', `${did} has moved away`)
  throw new XrpcFailure(400, 'RepoNotFound', `no repository of ${did} is here`)
}

const listed = (account: Account): object => ({
  did: account.did,
  head: cidText(account.repo.head.digest),
  rev: account.repo.head.rev,
  ...status(account),
})

const listRepos =
  (accounts: () => readonly Account[]): Handler =>
  ({ query }) => {
    const { items, ...rest } = page(accounts(), query, 500)
    return { repos: items.map(listed), ...rest }
  }

const latestCommit = (account: Account): object => ({
  cid: cidText(account.repo.head.digest),
  rev: account.repo.head.rev,
})

const repoStatus = (account: Account): object => ({
  did: account.did,
  ...status(account),
  ...(account.active ? { rev: account.repo.head.rev } : {}),
})

/** What hosts answer beyond the world: identities from elsewhere. */
export type Directory = {
  /** DID of a handle. */
  readonly resolve: (handle: string) => string | null
  readonly document: (did: string) => object | null
}

const resolveHandle =
  ({ resolve }: Directory): Handler =>
  ({ query }) => {
    const did = resolve(required(query, 'handle').toLowerCase())
    if (did === null) throw new XrpcFailure(400, 'InvalidRequest', 'Unable to resolve handle')
    return { did }
  }

export type PdsParts = { readonly world: World; readonly faults: Faults; readonly directory: Directory }

export const servePds = (host: Host, { world, faults, directory }: PdsParts): void => {
  const own = (): readonly Account[] =>
    world.accounts.filter((account) => account.pds === host.url && account.status !== 'deleted')
  const served = ({ query }: Exchange): Account => servedBy(world, host.url, required(query, 'did'))
  const routes: Routes = {
    [xrpc('com.atproto.server.describeServer')]: () => ({
      did: `did:web:localhost%3A${host.port}`,
      availableUserDomains: ['.test'],
      inviteCodeRequired: false,
    }),
    [xrpc('com.atproto.sync.listRepos')]: listRepos(own),
    [xrpc('com.atproto.sync.getRepo')]: async (exchange) => {
      const account = served(exchange)
      // A commit in the middle would tear a CAR, so all of its pieces are made at once.
      await sendCar(exchange.response, [...account.repo.export()], {
        faults,
        url: host.url,
        did: account.did,
      })
    },
    [xrpc('com.atproto.sync.getLatestCommit')]: (exchange) => latestCommit(served(exchange)),
    [xrpc('com.atproto.sync.getRepoStatus')]: ({ query }) =>
      repoStatus(accountOf(world, required(query, 'did'))),
    [xrpc('com.atproto.identity.resolveHandle')]: resolveHandle(directory),
    '/.well-known/atproto-did': ({ request, response }) => {
      const account = world.byHandle.get((request.headers.host ?? '').split(':')[0] ?? '')
      if (account === undefined) throw new XrpcFailure(404, 'NotFound', 'User not found')
      response.writeHead(200, { 'content-type': 'text/plain' }).end(account.did)
      return undefined
    },
  }
  host.serve(routes)
}

export const serveRelay = (host: Host, world: World, pdses: readonly Host[]): void => {
  host.serve({
    [xrpc('com.atproto.sync.listHosts')]: ({ query }) => {
      const hosts = pdses.map(({ url }) => ({
        hostname: url.slice('http://'.length),
        status: 'active',
        seq: 1,
      }))
      const { items, ...rest } = page(hosts, query, 200)
      return { hosts: items, ...rest }
    },
    [xrpc('com.atproto.sync.listRepos')]: listRepos(() => world.accounts),
    [xrpc('com.atproto.sync.getLatestCommit')]: ({ query }) =>
      latestCommit(accountOf(world, required(query, 'did'))),
    [xrpc('com.atproto.sync.getRepoStatus')]: ({ query }) =>
      repoStatus(accountOf(world, required(query, 'did'))),
    [xrpc('com.atproto.sync.getRepo')]: ({ query, response }) => {
      const did = required(query, 'did')
      const location = `${accountOf(world, did).pds}/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(did)}`
      response.writeHead(302, { location }).end()
      return undefined
    },
  })
}

const plcAnswer = (account: Account, view: string): unknown => {
  const log = account.log()
  if (view === 'log/audit') return log
  if (view === 'log') return log.map(({ operation }) => operation)
  if (view === 'log/last') return log.at(-1)?.operation
  if (account.status === 'deleted') throw new XrpcFailure(410, 'Gone', `DID not available: ${account.did}`)
  if (view === 'data') return { did: account.did, ...plcData(account.facts(), account.rotation) }
  if (view === '') return didDocument(account.did, account.facts())
  throw new XrpcFailure(404, 'NotFound', 'there is no such view of a DID')
}

export const servePlc = (host: Host, world: World, directory: Directory): void => {
  host.serve({ '/_health': () => ({ version: 'sandbox' }) }, ({ url }) => {
    const [did = '', ...view] = decodeURIComponent(url.pathname).slice(1).split('/')
    const account = did.startsWith('did:plc:') ? world.byDid.get(did) : undefined
    const elsewhere = account === undefined && view.length === 0 ? directory.document(did) : null
    if (elsewhere !== null) return elsewhere
    if (account === undefined) throw new XrpcFailure(404, 'NotFound', `DID not registered: ${did}`)
    return plcAnswer(account, view.join('/'))
  })
}

/** A host that is the whole of a did:web: its document is at the root of that host. */
export const serveDidWeb = (host: Host, account: () => Account | undefined): void => {
  host.serve({
    '/.well-known/did.json': () => {
      const found = account()
      if (found === undefined || found.status === 'deleted')
        throw new XrpcFailure(404, 'NotFound', 'no document')
      return didDocument(found.did, found.facts())
    },
  })
}

/** Whether a pattern of queryLabels, exact or ending in `*`, covers the URI. */
const covers = (pattern: string, uri: string): boolean =>
  pattern.endsWith('*') ? uri.startsWith(pattern.slice(0, -1)) : uri === pattern

export const serveLabeler = (host: Host, labels: () => readonly SignedLabel[]): void => {
  host.serve({
    [xrpc('com.atproto.label.queryLabels')]: ({ query }) => {
      const patterns = [...query.getAll('uriPatterns'), ...query.getAll('uriPatterns[]')]
      if (patterns.length === 0)
        throw new XrpcFailure(400, 'InvalidRequest', 'the parameter uriPatterns is missing')
      const sources = query.getAll('sources')
      const found = labels().filter(
        ({ uri, src }) =>
          patterns.some((pattern) => covers(pattern, uri)) && (sources.length === 0 || sources.includes(src)),
      )
      const { items, ...rest } = page(found, query, 50)
      return { labels: items, ...rest }
    },
  })
}
