/**
 * The one thread that holds all metrics ports of this process, from this side: started with the first port, ended with the last.
 * Guarantees that what it is asked reaches whoever opened the port. A thread that fails ends the process: a service that nobody can
 * watch is not well.
 */
import { Worker } from 'node:worker_threads'
import type { Address, FromFront, Question, Told, ToFront } from './front-messages.ts'

export type OpenPort = {
  readonly port: number
  /** What to tell while nobody here has the time. */
  tell(told: Told): void
  /** Stops listening, lets running answers end for a second, then closes what is left. */
  close(): Promise<void>
}

/** A port that cannot be had, with the code of the system. */
export class PortFailure extends Error {
  readonly code: string | undefined
  constructor(code: string | undefined) {
    super(`the port cannot be opened: ${code ?? 'no reason given'}`)
    this.code = code
  }
}

/** Compiled or not, the thread is started from the file beside this one. */
const FRONT = new URL(import.meta.url.endsWith('.ts') ? './front.ts' : './front.js', import.meta.url)
/** It holds the figures of each port and the answers under way. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 }

type Hearer = (message: FromFront) => void

class Front {
  readonly #worker = new Worker(FRONT, { execArgv: [], resourceLimits: LIMITS })
  readonly #hearers = new Map<number, Hearer>()

  constructor() {
    this.#worker.on('message', (message: FromFront) => this.#hearers.get(message.server)?.(message))
  }

  get isIdle(): boolean {
    return this.#hearers.size === 0
  }

  say(message: ToFront): void {
    this.#worker.postMessage(message)
  }

  hear(server: number, hearer: Hearer | null): void {
    if (hearer === null) this.#hearers.delete(server)
    else this.#hearers.set(server, hearer)
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}

let front: Front | null = null
let servers = 0

/** Rejects with PortFailure. `ask` is called for each question and never rejects. */
export const openPort = async (
  address: Address,
  ask: (question: Question) => Promise<Told>,
): Promise<OpenPort> => {
  const server = servers++
  const thread = (front ??= new Front())
  const opened = Promise.withResolvers<number>()
  const closed = Promise.withResolvers<void>()
  const tell = (id: number | null, told: Told) => thread.say({ server, kind: 'told', id, told })
  const answer = async (question: Question) => tell(question.id, await ask(question))
  thread.hear(server, (message) => {
    if (message.kind === 'question') void answer(message.question)
    else if (message.kind === 'listening') opened.resolve(message.port)
    else if (message.kind === 'failed') opened.reject(new PortFailure(message.code))
    else closed.resolve()
  })
  const leave = async (): Promise<void> => {
    thread.hear(server, null)
    if (!thread.isIdle) return
    if (front === thread) front = null
    await thread.end()
  }
  thread.say({ server, kind: 'listen', address })
  try {
    return {
      port: await opened.promise,
      tell: (told) => tell(null, told),
      close: async () => {
        thread.say({ server, kind: 'close' })
        await closed.promise
        await leave()
      },
    }
  } catch (error) {
    await leave()
    throw error
  }
}
