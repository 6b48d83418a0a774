/**
 * Serves captured data: a relay with its frames, a PDS with its repositories, a labeler with its labels, on loopback. A reader
 * without a cursor gets everything too, for nothing new will ever come.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Captured, CapturedRepo, DidDocument } from './captured.ts'
import { page, required, XrpcFailure, type Exchange, type Host, type Routes } from './http.ts'
import { SUBSCRIBE_LABELS, SUBSCRIBE_REPOS, xrpc } from './names.ts'
import { EventStream } from './stream-server.ts'

export type CapturedHosts = { readonly relay: Host; readonly pds: Host; readonly labeler: Host }

const streamOf = (host: Host, path: string, frames: Captured['frames']): EventStream => {
  const stream = new EventStream({ path, firstSeq: 1, windowBytes: Infinity, withoutCursor: 'oldest' })
  for (const { seq, bytes } of frames) stream.push(seq, bytes)
  stream.attach(host)
  return stream
}

const repoOf = ({ repos }: Captured, query: URLSearchParams): CapturedRepo => {
  const did = required(query, 'did')
  const repo = repos.find((known) => known.did === did)
  if (repo === undefined) throw new XrpcFailure(400, 'RepoNotFound', `Could not find repo for DID: ${did}`)
  return repo
}

const latestCommit = ({ head, rev }: CapturedRepo): object => ({ cid: head, rev })

const repoStatus = ({ did, rev, active, status }: CapturedRepo): object => ({
  did,
  active,
  ...(status === undefined ? {} : { status }),
  ...(active ? { rev } : {}),
})

const sendFile = async ({ cars, failures }: Captured, { query, response }: Exchange): Promise<undefined> => {
  const did = required(query, 'did')
  const failure = failures.get(did)
  if (failure !== undefined)
    throw new XrpcFailure(failure.status, failure.error, `the repository of ${did} is not available`)
  const path = cars.get(did)
  if (path === undefined) throw new XrpcFailure(400, 'RepoNotFound', `Could not find repo for DID: ${did}`)
  response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' })
  await pipeline(createReadStream(path), response).catch(() => {
    // The reader has gone: nobody is left to be told.
  })
  return undefined
}

const shared = (captured: Captured): Routes => ({
  [xrpc('com.atproto.sync.listRepos')]: ({ query }) => {
    const { items, ...rest } = page(captured.repos, query, 500)
    return { repos: items, ...rest }
  },
  [xrpc('com.atproto.sync.getLatestCommit')]: ({ query }) => latestCommit(repoOf(captured, query)),
  [xrpc('com.atproto.sync.getRepoStatus')]: ({ query }) => repoStatus(repoOf(captured, query)),
})

/** Answers from the captured data; the streams are closed by the caller. */
export const serveCaptured = (
  hosts: CapturedHosts,
  captured: Captured,
  resolve: (handle: string) => string | null,
): EventStream[] => {
  const { relay, pds, labeler } = hosts
  relay.serve({
    ...shared(captured),
    [xrpc('com.atproto.sync.listHosts')]: () => ({
      hosts: [{ hostname: pds.url.slice('http://'.length), status: 'active' }],
    }),
    [xrpc('com.atproto.sync.getRepo')]: ({ query, response }) => {
      const did = encodeURIComponent(required(query, 'did'))
      response.writeHead(302, { location: `${pds.url}${xrpc('com.atproto.sync.getRepo')}?did=${did}` }).end()
      return undefined
    },
  })
  pds.serve({
    ...shared(captured),
    [xrpc('com.atproto.server.describeServer')]: () => ({
      did: 'did:web:captured.test',
      availableUserDomains: ['.test'],
    }),
    [xrpc('com.atproto.sync.getRepo')]: (exchange) => sendFile(captured, exchange),
    [xrpc('com.atproto.identity.resolveHandle')]: ({ query }) => {
      const did = resolve(required(query, 'handle').toLowerCase())
      if (did === null) throw new XrpcFailure(400, 'InvalidRequest', 'Unable to resolve handle')
      return { did }
    },
  })
  return [
    streamOf(relay, SUBSCRIBE_REPOS, captured.frames),
    streamOf(labeler, SUBSCRIBE_LABELS, captured.labels),
  ]
}

/** The captured document with its hosts where they are now. */
export const relocated = (document: DidDocument, { pds, labeler }: CapturedHosts): DidDocument => ({
  ...document,
  service: document.service.map((service) => {
    if (service.type === 'AtprotoPersonalDataServer') return { ...service, serviceEndpoint: pds.url }
    return service.type === 'AtprotoLabeler' ? { ...service, serviceEndpoint: labeler.url } : service
  }),
})
