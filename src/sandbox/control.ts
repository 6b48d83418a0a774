/** The control endpoint: what the sandbox is, what is true in it, and its knobs. */
import { FAULT_KINDS, isFaultKind, withNumbers } from './faults.ts'
import { sendPieces, XrpcFailure, type Handler, type Host } from './http.ts'
import type { Sandbox } from './options.ts'
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

const setFault = (network: Sandbox, query: URLSearchParams): void => {
  const { kind = '', ...fields } = Object.fromEntries(query)
  const setting = isFaultKind(kind) ? withNumbers(kind, fields) : null
  if (setting === null) {
    throw new XrpcFailure(
      400,
      'InvalidRequest',
      `?kind= takes one of ${FAULT_KINDS.join(', ')}; see FaultSpec for the rest`,
    )
  }
  network.setFault(setting.kind, setting)
}

const clearFaults = (network: Sandbox, kind: string | null): void => {
  for (const known of FAULT_KINDS) if (kind === null || kind === known) network.setFault(known, null)
}

export const serveControl = (host: Host, control: ControlParts): void => {
  host.serve({
    '/': () => summary(control),
    '/truth': sendTruth(control),
    '/faults': ({ query, request }) => {
      if (request.method === 'POST') setFault(control.network, query)
      else if (request.method === 'DELETE') clearFaults(control.network, query.get('kind'))
      return control.network.faults()
    },
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
