/**
 * A cable between a service and the network: TCP passed on as it is, until it is cut (connections break, new ones are refused)
 * or jammed (connections stay open, and nothing comes through). It knows nothing of what it carries.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class Cable implements AsyncDisposable {
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #port = 0
  #isJammed = false

  private constructor(target: string) {
    this.#target = new URL(target)
  }

  static async to(target: string): Promise<Cable> {
    const cable = new Cable(target)
    await cable.mend()
    return cable
  }

  /** What to give to the service in place of the target's own address. */
  get url(): string {
    return `${this.#target.protocol}//127.0.0.1:${this.#port}`
  }

  async cut(): Promise<void> {
    const server = this.#server
    this.#server = null
    const closed = server === null ? null : once(server, 'close')
    server?.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  jam(): void {
    this.#isJammed = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** Whole again, at the same address; what was jammed in it comes through. */
  async mend(): Promise<void> {
    this.#isJammed = false
    for (const socket of this.#sockets) socket.resume()
    if (this.#server !== null) return
    const server = createServer((socket) => this.#carry(socket)).listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
    const address = server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  #carry(near: Socket): void {
    const far = connect(Number(this.#target.port), this.#target.hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (data) => to.write(data))
      from.on('error', () => {})
      from.once('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      if (this.#isJammed) from.pause()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut()
  }
}
