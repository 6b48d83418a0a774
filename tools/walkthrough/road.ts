/**
 * The names of a deployed fleet (`ingester:4100`, `localhost:9091`) on whatever ports its programs have here: an HTTP proxy that
 * knows nothing but these names. With it a command or a configuration can be used word for word.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export type Road = AsyncDisposable & {
  readonly url: string
  /** `name:port` leads to this port of the loopback. */
  lead(names: readonly string[], port: number): void
  portOf(name: string): number
}

type Ways = ReadonlyMap<string, number>

const forward = (ways: Ways) => (asked: IncomingMessage, answer: ServerResponse) => {
  const url = new URL(asked.url ?? '', 'http://nowhere')
  const port = ways.get(`${url.hostname}:${url.port || '80'}`)
  if (port === undefined) return void answer.writeHead(502).end(`no way to ${url.host}\n`)
  const { method, headers } = asked
  const onward = request({ host: '127.0.0.1', port, path: url.pathname + url.search, method, headers })
  onward.on('response', (came) => {
    answer.writeHead(came.statusCode ?? 502, came.headers)
    came.pipe(answer)
  })
  onward.on('error', (error) => answer.writeHead(502).end(`${error.message}\n`))
  asked.pipe(onward)
}

const tunnel = (ways: Ways) => (asked: IncomingMessage, client: Duplex) => {
  const port = ways.get(asked.url ?? '')
  if (port === undefined) return void client.end('HTTP/1.1 502 no way\r\n\r\n')
  const server: Socket = connect(port, '127.0.0.1', () => {
    client.write('HTTP/1.1 200 connected\r\n\r\n')
    server.pipe(client).pipe(server)
  })
  server.on('error', () => client.end('HTTP/1.1 502 nobody there\r\n\r\n'))
  client.on('error', () => server.destroy())
  client.on('close', () => server.destroy())
}

export const openRoad = async (): Promise<Road> => {
  const ways = new Map<string, number>()
  const sockets = new Set<Socket>()
  const server = createServer(forward(ways)).on('connect', tunnel(ways))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead: (names, port) => names.forEach((name) => ways.set(name, port)),
    portOf: (name) => ways.get(name) ?? 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
