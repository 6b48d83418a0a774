/** The control endpoint: what the sandbox is, what is true in it, and its knobs. */
import { sendPieces, XrpcFailure, type Handler, type Host } from './http.ts'
import type { Sandbox } from './index.ts'
import { truthJson, type TruthParts } from './truth.ts'
import type { World } from './world.ts'

export type ControlParts = {
  readonly network: Sandbox
  readonly world: World
  readonly parts: () => TruthParts
  readonly events: () => number
  readonly rate: () => number
}

const summary = ({ network, world, events, rate }: ControlParts): object => ({
  relays: network.relayUrls,
  labelers: network.labelerUrls,
  plc: network.plcUrl,
  pdses: network.pdsUrls,
  accounts: world.accounts.length,
  events: events(),
  ratePerSecond: rate(),
  produced: Object.fromEntries(world.produced),
})

const sendTruth =
  ({ world, parts }: ControlParts): Handler =>
  async ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
    await sendPieces(response, [...truthJson(world, parts())])
    return undefined
  }

const number = (query: URLSearchParams, names: readonly string[]): number => {
  const text = names.map((name) => query.get(name)).find((value) => value !== null)
  const value = Number(text)
  if (text === undefined || text === null || !Number.isFinite(value) || value < 0) {
    throw new XrpcFailure(400, 'InvalidRequest', `a number is needed: ?${names[0]}=`)
  }
  return value
}

const posted =
  (handler: Handler): Handler =>
  (exchange) => {
    if (exchange.request.method !== 'POST') throw new XrpcFailure(405, 'MethodNotAllowed', 'use POST')
    return handler(exchange)
  }

export const serveControl = (host: Host, control: ControlParts): void => {
  host.serve({
    '/': () => summary(control),
    '/truth': sendTruth(control),
    '/rate': posted(({ query }) => {
      control.network.setRate(number(query, ['perSecond', 'rate', 'n']))
      return summary(control)
    }),
    '/produce': posted(async ({ query }) => {
      await control.network.produce(number(query, ['n']))
      return summary(control)
    }),
  })
}
