/**
 * Where Alertmanager sends what it has to say. Owns when each alert was first heard of as firing and as resolved; judges nothing.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Heard = {
  /** performance.now() */
  readonly at: number
  readonly receiver: string
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
}

export type Webhook = AsyncDisposable & {
  readonly url: string
  /** Everything heard since a moment, first things first. */
  since(at: number): readonly Heard[]
  /** Names of the alerts that were last heard of as firing. */
  firing(): ReadonlySet<string>
}

type Payload = {
  readonly receiver: string
  readonly alerts: readonly Pick<Heard, 'status' | 'labels'>[]
}

const read = async (request: IncomingMessage): Promise<Payload> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as Payload
}

export const nameOf = ({ labels }: Heard): string => labels['alertname'] ?? ''

const identity = ({ labels }: Heard): string => JSON.stringify(Object.entries(labels).sort())

export const startWebhook = async (): Promise<Webhook> => {
  const heard: Heard[] = []
  const latest = new Map<string, Heard>()
  const server = createServer((request, response) => {
    void read(request).then(({ receiver, alerts }) => {
      for (const { status, labels } of alerts) {
        const one = { at: performance.now(), receiver, status, labels }
        heard.push(one)
        latest.set(identity(one), one)
      }
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    since: (at) => heard.filter((one) => one.at >= at),
    firing: () => new Set([...latest.values()].filter(({ status }) => status === 'firing').map(nameOf)),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
