/**
 * `millrace demo`: a sandbox network, the whole pipeline on top of it, and the proof that everything arrived. Uses nothing but
 * this machine, and no store that the environment names for real services.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { matchesCollection } from '../../atproto/syntax.ts'
import { sleep } from '../../lib/backoff.ts'
import { EXIT } from '../../lib/errors.ts'
import type { Sandbox } from '../../sandbox/index.ts'
import type { Context, Run } from '../context.ts'
import type { Settings } from '../config/settings.ts'
import { createProgress } from '../demo/progress.ts'
import { drawSummary, summarize } from '../demo/summary.ts'
import { compareNow, watch, watchUntilDone, type Watched } from '../demo/watch.ts'
import { openPipeline, type Pipeline } from '../wire.ts'
import { openSandbox } from './sandbox.ts'
import { ALL_SERVICES } from './services.ts'

const openFolder = async ({ data }: Settings, stack: AsyncDisposableStack): Promise<string> => {
  if (data !== null) return data
  const folder = await mkdtemp(join(tmpdir(), 'millrace-demo-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The settings of `up`, pointed at the sandbox. */
const pointAt = (settings: Settings, network: Sandbox, data: string): Settings => ({
  ...settings,
  data,
  relayHosts: network.relayUrls,
  labelerHosts: network.labelerUrls,
  plcUrl: network.plcUrl,
  handleResolverUrl: network.pdsUrls[0] ?? null,
  allowHttp: true,
})

const introduce = ({ tell }: Context, { endpoints }: Pipeline, data: string): void => {
  tell('A network of its own is being indexed on this machine. Look at it:')
  for (const { service, url } of endpoints) tell(`  ${service.padEnd(10)} ${url}/  (metrics: ${url}/metrics)`)
  tell(`Data: ${data}. Ctrl-C stops it.\n`)
}

const openDemo = async (context: Context, stack: AsyncDisposableStack, signal: AbortSignal) => {
  const data = await openFolder(context.settings, stack)
  const network = await openSandbox(context.settings, context.logger)
  stack.defer(() => network.close())
  const settings = pointAt(context.settings, network, data)
  const pipeline = await openPipeline({ ...context, settings, signal, stack }, ALL_SERVICES)
  introduce(context, pipeline, data)
  return { network, pipeline }
}

const PULSE_MS = 5_000

/** A network that somebody looks at never falls silent, as no relay does: when all is told, now and then something happens. */
const keepAlive = async (network: Sandbox, signal: AbortSignal): Promise<void> => {
  let isProduced = false
  void network.done.then(() => (isProduced = true))
  while (!signal.aborted) {
    await sleep(PULSE_MS, signal)
    if (isProduced && !signal.aborted) await network.produce(1)
  }
}

/** Runs until done or stopped, then compares; the pipeline is drained before the comparison. */
export const demo: Run = async (context) => {
  await using stack = new AsyncDisposableStack()
  const enough = new AbortController()
  const signal = AbortSignal.any([context.signal, enough.signal])
  const { network, pipeline } = await openDemo(context, stack, signal)
  const { log, pool } = pipeline
  if (pool === null) throw new Error('the demo runs an indexer')
  const keeps = (nsid: string): boolean =>
    context.settings.collections.some((pattern) => matchesCollection(pattern, nsid))
  const watched: Watched = { network, log, pool, keeps }
  const startedAt = performance.now()
  const running = pipeline.run().finally(() => enough.abort())
  const pulse = context.settings.exitWhenDone ? Promise.resolve() : keepAlive(network, signal)
  const progress = createProgress(process.stderr)
  const watcher = context.settings.exitWhenDone ? watchUntilDone : watch
  const seconds = ((await watcher(watched, progress, signal)) - startedAt) / 1_000
  progress.end()
  enough.abort()
  await Promise.all([running, pulse])
  const summary = summarize(await compareNow(watched), seconds)
  context.answer(context.settings.json ? JSON.stringify(summary, null, 2) : drawSummary(summary))
  return summary.isComplete || !context.settings.exitWhenDone ? EXIT.ok : EXIT.negative
}
