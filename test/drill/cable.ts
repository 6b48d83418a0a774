/**
 * A cable between a service and the network: TCP passed on as it is, until it is cut (connections break, new ones are refused),
 * jammed (connections stay open, and nothing comes through), hushed (connections are made, and the far end says nothing after
 * the header of its answer) or slow (what the far end says comes late). Of what it carries it knows how a header ends, and nothing else.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

const HEADER_END = '\r\n\r\n'

export class Cable implements AsyncDisposable {
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #port = 0
  #isJammed = false
  #isHushed = false
  #lateMs = 0

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

  slow(lateMs: number): void {
    this.#lateMs = lateMs
  }

  hush(): void {
    this.#isHushed = true
  }

  /** Whole again, at the same address; what was jammed in it comes through, what was hushed is lost with its connection. */
  async mend(): Promise<void> {
    if (this.#isHushed) for (const socket of this.#sockets) socket.destroy()
    this.#isHushed = false
    this.#isJammed = false
    this.#lateMs = 0
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
      let isAnswered = false
      from.on('data', (data) => {
        const end = data.indexOf(HEADER_END)
        if (from === far && this.#lateMs > 0) setTimeout(() => to.write(data), this.#lateMs)
        else if (!this.#isHushed || from === near) to.write(data)
        else if (!isAnswered && end >= 0) to.write(data.subarray(0, end + HEADER_END.length))
        isAnswered = true
      })
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
