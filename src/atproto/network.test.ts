/** XRPC and identity against a server of the test's own. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { TransientError } from '../lib/errors.ts'
import { IdentityError, createResolver, type ResolverOptions } from './identity.ts'
import { XrpcError, retryAfterMs, xrpcGet, xrpcGetBytes, xrpcGetStream } from './xrpc.ts'

const serve = async (
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
) => {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const options = { timeoutMs: 5_000, maxBytes: 1_000 }
const NSID = 'com.example.get'

const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail('resolved'),
    (error: unknown) => error,
  )

test('a query answers its JSON object, with its parameters in the URL', async (t) => {
  const base = await serve(t, (request, response) => response.end(JSON.stringify({ url: request.url })))
  const output = await xrpcGet(base, NSID, { did: 'did:plc:a b', limit: 5, cursor: undefined }, options)
  assert.deepEqual(output, { url: '/xrpc/com.example.get?did=did%3Aplc%3Aa+b&limit=5' })
})

test('an answer becomes an error by what one can do about it', async (t) => {
  const base = await serve(t, (request, response) => {
    const status = Number(new URL(request.url ?? '', 'http://x').searchParams.get('status'))
    response.writeHead(status, { 'retry-after': '7', location: '/elsewhere' })
    response.end(
      status === 502 ? '<html>Bad gateway</html>' : '{"error":"RepoNotFound","message":"no such repo"}',
    )
  })
  for (const status of [408, 425, 429, 500, 502, 503]) {
    const error = await rejection(xrpcGet(base, NSID, { status }, options))
    assert.ok(error instanceof TransientError && error.retryAfterMs === 7000, `${status}: ${String(error)}`)
  }
  for (const status of [301, 400, 401, 404, 501]) {
    for (const get of [xrpcGet, xrpcGetStream]) {
      const error = await rejection(get(base, NSID, { status }, options))
      assert.ok(error instanceof XrpcError, String(error))
      assert.deepEqual([error.status, error.error], [status, 'RepoNotFound'])
      assert.match(error.message, /no such repo/)
    }
  }
})

test('an HTML page where data was promised is told as such, and may pass', async (t) => {
  const base = await serve(t, (_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<html>parked</html>')
  })
  for (const get of [xrpcGet, xrpcGetStream]) {
    const error = await rejection(get(base, NSID, {}, options))
    assert.ok(error instanceof TransientError, String(error))
  }
})

test('a body beyond the limit, a silent server, a cut body and an abort each end the read', async (t) => {
  const base = await serve(t, (request, response) => {
    const mode = new URL(request.url ?? '', 'http://x').searchParams.get('mode')
    if (mode === 'large') response.end(Buffer.alloc(5_000))
    if (mode === 'silent') response.write('{')
    if (mode === 'cut')
      response.writeHead(200, { 'content-length': '100' }).write('x', () => response.destroy())
  })
  const get = (mode: string, more = {}) =>
    rejection(xrpcGetBytes(base, NSID, { mode }, { ...options, ...more }))
  const large = await get('large')
  assert.ok(large instanceof XrpcError && large.error === 'ResponseTooLarge')
  const silent = await get('silent', { timeoutMs: 50 })
  assert.ok(silent instanceof TransientError && /silent/.test(silent.message))
  assert.ok((await get('mute', { timeoutMs: 50 })) instanceof TransientError)
  assert.ok((await get('cut')) instanceof TransientError)
  const controller = new AbortController()
  const aborted = get('silent', { signal: controller.signal })
  controller.abort(new Error('stopping'))
  assert.match(String(await aborted), /stopping/)
  const refused = await rejection(xrpcGet('http://127.0.0.1:1', NSID, {}, options))
  assert.ok(refused instanceof TransientError)
})

test('the time to wait is read from both headers', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const wait = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), now)
  assert.equal(wait({}), null)
  assert.equal(wait({ 'retry-after': '120' }), 120_000)
  assert.equal(wait({ 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }), 5_000)
  assert.equal(wait({ 'retry-after': 'soon' }), null)
  assert.equal(wait({ 'ratelimit-reset': String(now / 1000 + 30) }), 30_000)
  assert.equal(wait({ 'ratelimit-reset': String(now / 1000 - 30) }), 0)
})

const DID = 'did:plc:44ybard66vv44zksje25o7dz'
const document = {
  id: DID,
  alsoKnownAs: ['https://example.com', 'at://Alice.Test'],
  verificationMethod: [
    {
      id: `${DID}#atproto_label`,
      type: 'Multikey',
      publicKeyMultibase: 'zDnaembgSGUhZULN2Caob4HLJPaxBh92N7rtH21TErzqf8HQo',
    },
    {
      id: `${DID}#atproto`,
      type: 'Multikey',
      publicKeyMultibase: 'zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc',
    },
  ],
  service: [
    { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.example.com/' },
  ],
}

const resolverAt = (plcUrl: string, more: Partial<ResolverOptions> = {}) =>
  createResolver({ plcUrl, timeoutMs: 5_000, resolveTxt: async () => [], ...more })

test('a did:plc gives its handle, its own key and its PDS', async (t) => {
  const base = await serve(t, (request, response) => {
    response.end(JSON.stringify(request.url === `/${DID}` ? document : {}))
  })
  assert.deepEqual(await resolverAt(base).resolveDid(DID), {
    did: DID,
    handle: 'alice.test',
    signingKey: 'did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc',
    pds: 'https://pds.example.com',
  })
})

test('an endpoint in the inner network is not followed unless that is allowed', async (t) => {
  const endpoints = [
    'http://pds.example.com',
    'https://127.0.0.1',
    'https://localhost',
    'https://[::1]',
    'https://x.internal',
  ]
  let endpoint = ''
  const base = await serve(t, (_request, response) => {
    const service = [{ ...document.service[0], serviceEndpoint: endpoint }]
    response.end(JSON.stringify({ ...document, service }))
  })
  for (endpoint of [...endpoints, 'ftp://x', 'nonsense']) {
    assert.equal((await resolverAt(base).resolveDid(DID)).pds, null, endpoint)
  }
  for (endpoint of endpoints) {
    assert.equal((await resolverAt(base, { allowHttp: true }).resolveDid(DID)).pds, endpoint)
  }
})

test('what is wrong with an identity is told by its reason', async (t) => {
  let status = 200
  let body = '{}'
  const base = await serve(t, (_request, response) => response.writeHead(status).end(body))
  const resolver = resolverAt(base, { maxBytes: 1000 })
  const reason = async (did: string) => {
    const error = await rejection(resolver.resolveDid(did))
    return error instanceof IdentityError
      ? error.reason
      : error instanceof TransientError
        ? 'transient'
        : error
  }
  assert.equal(await reason(DID), 'bad_document')
  body = 'x'.repeat(2000)
  assert.equal(await reason(DID), 'bad_document')
  body = ''
  for (const [code, expected] of [
    [404, 'not_found'],
    [410, 'tombstoned'],
    [302, 'bad_document'],
    [429, 'transient'],
    [500, 'transient'],
  ] as const) {
    status = code
    assert.equal(await reason(DID), expected)
  }
  for (const did of [
    'did:key:zabc',
    'nonsense',
    'did:web:localhost',
    'did:web:10.0.0.1',
    'did:web:x.test:path',
  ]) {
    assert.equal(await reason(did), 'unsupported_method', did)
  }
})

test('a did:web is asked at its domain, on loopback only when that is allowed', async (t) => {
  const base = await serve(t, (request, response) => {
    const id = `did:web:${(request.headers.host ?? '').replace(':', '%3A')}`
    response.end(JSON.stringify(request.url === '/.well-known/did.json' ? { ...document, id } : {}))
  })
  const did = `did:web:${new URL(base).host.replace(':', '%3A')}`
  const facts = await resolverAt('http://127.0.0.1:1', { allowHttp: true }).resolveDid(did)
  assert.equal(facts.handle, 'alice.test')
  const error = await rejection(resolverAt('http://127.0.0.1:1').resolveDid(did))
  assert.ok(error instanceof IdentityError && error.reason === 'unsupported_method')
})

test('a handle resolves by DNS, by HTTPS, or through a resolver service', async (t) => {
  const base = await serve(t, (request, response) => {
    const handle = new URL(request.url ?? '', 'http://x').searchParams.get('handle')
    if (handle === 'alice.test') response.end(JSON.stringify({ did: DID }))
    else response.writeHead(400).end('{"error":"InvalidRequest"}')
  })
  const service = resolverAt(base, { handleResolverUrl: base })
  assert.equal(await service.resolveHandle('alice.test'), DID)
  assert.equal(await service.resolveHandle('bob.test'), null)
  assert.equal(await service.resolveHandle('not a handle'), null)

  const pages = async () => new Response(` ${DID}\n`)
  const byDns = (
    records: string[][],
    fetch: typeof globalThis.fetch = async () => new Response('', { status: 404 }),
  ) => resolverAt(base, { resolveTxt: async () => records, fetch })
  assert.equal(
    await byDns([['other'], ['did=did:plc:', 'split']]).resolveHandle('alice.com'),
    'did:plc:split',
  )
  assert.equal(await byDns([[`did=${DID}`], ['did=did:plc:two']]).resolveHandle('alice.com'), null)
  assert.equal(await byDns([], pages).resolveHandle('alice.com'), DID)
  assert.equal(await byDns([], pages).resolveHandle('alice.local'), null)
  const gone = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  const missing = resolverAt(base, {
    resolveTxt: () => Promise.reject(gone),
    fetch: () => Promise.reject(gone),
  })
  assert.equal(await missing.resolveHandle('alice.com'), null)
  const away = resolverAt(base, { resolveTxt: () => Promise.reject(new Error('SERVFAIL')) })
  assert.ok((await rejection(away.resolveHandle('alice.com'))) instanceof TransientError)
})
