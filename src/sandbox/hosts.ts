/** The hosts of a sandbox, each a listener of its own: opened together or not at all. */
import { Host } from './http.ts'
import type { Settings } from './index.ts'

export type Hosts = {
  readonly control: Host
  readonly plc: Host
  readonly labeler: Host
  readonly relays: readonly Host[]
  readonly pdses: readonly Host[]
  readonly didWebs: readonly Host[]
}

export const openHosts = async (settings: Settings): Promise<{ hosts: Hosts; all: readonly Host[] }> => {
  const all: Host[] = []
  const open = async (): Promise<Host> => {
    const port = settings.port === 0 ? 0 : settings.port + all.length
    const host = await Host.open({ host: settings.host, port })
    all.push(host)
    return host
  }
  const several = async (count: number): Promise<Host[]> => {
    const opened: Host[] = []
    for (let i = 0; i < count; i++) opened.push(await open())
    return opened
  }
  try {
    const [control, plc, labeler] = [await open(), await open(), await open()]
    const hosts = {
      control,
      plc,
      labeler,
      relays: await several(settings.relays),
      pdses: await several(settings.pdses),
      didWebs: await several(Math.min(settings.didWebs, settings.accounts)),
    }
    return { hosts, all }
  } catch (error) {
    await Promise.all(all.map((host) => host.close()))
    throw error
  }
}

export const urlsOf = (hosts: Hosts) => ({
  relayUrls: hosts.relays.map(({ url }) => url),
  labelerUrls: [hosts.labeler.url],
  plcUrl: hosts.plc.url,
  pdsUrls: hosts.pdses.map(({ url }) => url),
  controlUrl: hosts.control.url,
})
