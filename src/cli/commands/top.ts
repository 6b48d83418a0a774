/**
 * `millrace top`: the fleet live in a terminal, redrawn in place until Ctrl-C or q. Where output is no terminal, or JSON is
 * asked for, it looks once and ends. Changes nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { EXIT, type ExitCode } from '../../lib/errors.ts'
import type { Context, Run } from '../context.ts'
import { drawView } from '../top/draw.ts'
import { fromPrometheus, fromServices, type Sample, type Source } from '../top/source.ts'
import { viewOf, type View } from '../top/view.ts'

const HISTORY = 40
const SCREEN = { enter: '\u001b[?1049h\u001b[?25l', leave: '\u001b[?25h\u001b[?1049l', home: '\u001b[H' }
/** Ends each line and the page, so that what was longer before is gone. */
const clearing = (page: string): string => `${page.replaceAll('\n', '\u001b[K\n')}\u001b[K\u001b[J`

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined)

/** One look is two samples: a rate needs both. */
async function* looks(source: Source, everyMs: number, signal: AbortSignal): AsyncGenerator<View> {
  let before: Sample = await source(signal)
  while (!signal.aborted) {
    await pause(everyMs, signal)
    if (signal.aborted) return
    const now = await source(signal)
    yield viewOf(before, now)
    before = now
  }
}

export const top: Run = async (context) => {
  const { settings, signal } = context
  const source =
    settings.prometheus === null ? fromServices(settings.services) : fromPrometheus(settings.prometheus)
  const interactive = process.stdout.isTTY && !settings.json
  return interactive ? watch(source, context) : lookOnce(looks(source, settings.intervalMs, signal), context)
}

const lookOnce = async (views: AsyncGenerator<View>, context: Context): Promise<ExitCode> => {
  for await (const view of views) {
    context.answer(context.settings.json ? JSON.stringify(view, null, 2) : drawView(view, [view]))
    return view.processes.length > 0 && view.processes.every(({ state }) => state === 'ready')
      ? EXIT.ok
      : EXIT.negative
  }
  return EXIT.ok
}

const watch = async (source: Source, { settings, signal }: Context): Promise<ExitCode> => {
  const quit = new AbortController()
  const ended = AbortSignal.any([signal, quit.signal])
  const history: View[] = []
  listenForQuit(quit)
  process.stdout.write(`${SCREEN.enter}${SCREEN.home}${clearing('looking …')}`)
  try {
    for await (const view of looks(source, settings.intervalMs, ended)) {
      history.push(view)
      if (history.length > HISTORY) history.shift()
      const page = drawView(view, history)
        .split('\n')
        .slice(0, (process.stdout.rows ?? 50) - 1)
      process.stdout.write(`${SCREEN.home}${clearing(page.join('\n'))}`)
    }
  } finally {
    process.stdout.write(SCREEN.leave)
    process.stdin.setRawMode?.(false)
    process.stdin.pause()
  }
  return EXIT.ok
}

const CTRL_C = '\u0003'

const listenForQuit = (quit: AbortController): void => {
  if (!process.stdin.isTTY) return
  process.stdin.setRawMode(true)
  process.stdin.on('data', (keys: Buffer) => {
    if (/[qQ]/.test(keys.toString()) || keys.toString().includes(CTRL_C)) quit.abort()
  })
}
