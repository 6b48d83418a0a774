/** `millrace sandbox`: the network of the demo and of the tests, on its own. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { EXIT } from '../../lib/errors.ts'
import type { Logger } from '../../lib/logger.ts'
import { startSandbox, type Sandbox } from '../../sandbox/index.ts'
import type { Run } from '../context.ts'
import type { Settings } from '../config/settings.ts'
import { drawTable } from '../table.ts'

export const openSandbox = (settings: Settings, logger: Logger): Promise<Sandbox> =>
  startSandbox({
    seed: settings.seed ?? randomInt(2 ** 31),
    accounts: settings.accounts,
    records: settings.records,
    ratePerSecond: settings.rate,
    relays: settings.relays,
    pdses: settings.pdses,
    host: settings.sandboxHost,
    port: settings.sandboxPort,
    faults: settings.faults,
    serveDir: settings.serve ?? '',
    logger,
  })

type Addresses = Pick<Sandbox, 'relayUrls' | 'labelerUrls' | 'plcUrl' | 'pdsUrls' | 'controlUrl'>

const addressesOf = ({ relayUrls, labelerUrls, plcUrl, pdsUrls, controlUrl }: Addresses): Addresses => ({
  relayUrls,
  labelerUrls,
  plcUrl,
  pdsUrls,
  controlUrl,
})

const drawAddresses = ({ relayUrls, labelerUrls, plcUrl, pdsUrls, controlUrl }: Addresses): string => {
  const rows = [
    ['relay', relayUrls.join(' ')],
    ['labeler', labelerUrls.join(' ')],
    ['PLC directory', plcUrl],
    ['PDS', pdsUrls.join(' ')],
    ['control', `${controlUrl} (GET /truth)`],
  ]
  const upstreams = `--relay-hosts ${relayUrls.join(',')} --labeler-hosts ${labelerUrls.join(',')}`
  const identities = `--plc-url ${plcUrl} --handle-resolver-url ${pdsUrls[0] ?? plcUrl} --allow-http`
  const hint = `millrace up ${upstreams} ${identities}`
  return `${drawTable(['what', 'where'], rows)}\n\nIndex it with: ${hint}`
}

/** Resolves when the signal aborts. */
export const untilAborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort')
}

export const sandbox: Run = async ({ settings, logger, signal, answer }) => {
  const network = await openSandbox(settings, logger)
  try {
    const addresses = addressesOf(network)
    answer(settings.json ? JSON.stringify(addresses) : drawAddresses(addresses))
    await untilAborted(signal)
  } finally {
    await network.close()
  }
  return EXIT.ok
}
