/** Faults of hosts: answers that are refusals, pages of HTML, or CARs that come slowly, in part or wrong. */
import type { ServerResponse } from 'node:http'
import { sleep } from '../lib/backoff.ts'
import { forgeCar, loseBlock } from './damage.ts'
import type { Faults, FaultSpec } from './faults.ts'
import { sendJson, sendPieces, type Exchange, type Interceptor } from './http.ts'

export type Role = 'pds' | 'relay' | 'plc' | 'labeler'

const XRPC = '/xrpc/'
const LIST_REPOS = 'com.atproto.sync.listRepos'

const refuseTooMany = (response: ServerResponse, { headers = true }: FaultSpec): void => {
  if (headers) {
    response.setHeader('retry-after', '1')
    response.setHeader('ratelimit-limit', '3000')
    response.setHeader('ratelimit-remaining', '0')
    response.setHeader('ratelimit-reset', String(Math.ceil(Date.now() / 1000) + 1))
    response.setHeader('ratelimit-policy', '3000;w=300')
  }
  sendJson(response, 429, { error: 'RateLimitExceeded', message: 'Rate Limit Exceeded' })
}

const refuseBroken = (response: ServerResponse, random: Faults['random']): void => {
  response
    .writeHead(random.pick([500, 502, 503, 504]), { 'content-type': 'text/plain' })
    .end('upstream is unwell')
}

const sendHtml = (response: ServerResponse): void => {
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end('<!doctype html><title>One moment</title><p>Checking.')
}

/** The page that the first reader asks for by cursor fails from then on, for everybody. */
const failPage = (faults: Faults): ((exchange: Exchange, names: readonly string[]) => boolean) => {
  let failing: string | undefined
  return ({ query, response }, names) => {
    const cursor = query.get('cursor') ?? ''
    const wanted =
      faults.peek('listrepos_page_fails')?.cursor ?? failing ?? (cursor === '' ? undefined : cursor)
    if (cursor !== wanted) return false
    if (faults.strike('listrepos_page_fails', ...names) === null) return false
    failing = cursor
    sendJson(response, 500, { error: 'InternalServerError', message: 'this page cannot be listed' })
    return true
  }
}

/** Without a target a fault of HTTP strikes PDSes and relays, not the directory. */
const struckByDefault = (role: Role): boolean => role === 'pds' || role === 'relay'

export const httpFaults = (faults: Faults, options: { role: Role; url: string }): Interceptor => {
  const { role, url } = options
  const pageFails = failPage(faults)
  return (exchange) => {
    const { response, query } = exchange
    const path = exchange.url.pathname
    if (role === 'plc' && faults.strike('plc_down', url, 'plc') !== null) {
      response.writeHead(503, { 'content-type': 'text/plain' }).end('directory is down')
      return true
    }
    if (role !== 'plc' && !path.startsWith(XRPC)) return false
    const nsid = path.slice(XRPC.length)
    const names = [role, url, nsid, query.get('did') ?? '']
    if (nsid === LIST_REPOS && pageFails(exchange, names)) return true
    const strike = (kind: Parameters<Faults['strike']>[0]): FaultSpec | null =>
      struckByDefault(role) || faults.peek(kind)?.target !== undefined ? faults.strike(kind, ...names) : null
    const tooMany = strike('http_429')
    if (tooMany !== null) refuseTooMany(response, tooMany)
    else if (strike('http_5xx') !== null) refuseBroken(response, faults.random)
    else if (strike('html_body') !== null) sendHtml(response)
    else return false
    return true
  }
}

const spoilContent = (car: Buffer, faults: Faults, names: readonly string[]): Buffer => {
  if (faults.strike('bad_signature', ...names) !== null) return forgeCar(car).car
  return faults.strike('missing_block', ...names) === null ? car : loseBlock(car, faults.random, null)
}

const sendSlowly = async (response: ServerResponse, car: Buffer, bytesPerSecond: number): Promise<void> => {
  const step = Math.max(1, Math.floor(bytesPerSecond / 10))
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  for (let at = 0; at < car.length && !gone.signal.aborted; at += step) {
    response.write(car.subarray(at, at + step))
    await sleep(100, gone.signal)
  }
  response.end()
}

const sendPart = (response: ServerResponse, car: Buffer, clean: boolean): void => {
  const part = car.subarray(0, Math.floor(car.length * 0.7))
  if (clean) response.end(part)
  else response.write(part, () => response.destroy())
}

/** Sends a CAR, as it is or as a fault has it. */
export const sendCar = async (
  response: ServerResponse,
  pieces: readonly Buffer[],
  struck: { faults: Faults; url: string; did: string },
): Promise<void> => {
  const { faults, url, did } = struck
  const names = ['repo', 'pds', url, did]
  response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' })
  if (!faults.any) return sendPieces(response, pieces)
  const car = spoilContent(Buffer.concat(pieces), faults, names)
  const truncated = faults.strike('truncated_car', ...names)
  if (truncated !== null)
    return sendPart(response, car, truncated.clean ?? faults.injected('truncated_car') % 2 === 1)
  const slow = faults.strike('slow_car', ...names)
  if (slow !== null) return sendSlowly(response, car, slow.bytesPerSecond ?? 1_024)
  return sendPieces(response, [car])
}
