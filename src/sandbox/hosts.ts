/** The hosts of a sandbox, each a listener of its own: opened together or not at all. */
import type { CapturedHosts } from './captured-hosts.ts'
import { Host } from './http.ts'
import type { Settings } from './options.ts'

export type Hosts = {
  readonly control: Host
  readonly plc: Host
  readonly labeler: Host
  readonly relays: readonly Host[]
  readonly pdses: readonly Host[]
  readonly didWebs: readonly Host[]
  readonly captured: CapturedHosts | null
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
      didWebs: await several(Math.min(settings.didWebs, Math.max(0, settings.accounts - 1))),
      captured:
        settings.serveDir === '' ? null : { relay: await open(), pds: await open(), labeler: await open() },
    }
    return { hosts, all }
  } catch (error) {
    await Promise.all(all.map((host) => host.close()))
    throw error
  }
}

/** Addresses of those hosts that have something to tell. */
export const urlsOf = ({ control, plc, relays, pdses, labeler, captured }: Hosts) => {
  const urls = (hosts: readonly Host[]): string[] => hosts.map(({ url }) => url)
  return {
    relayUrls: urls(captured === null ? relays : [...relays, captured.relay]),
    labelerUrls: urls([
      ...(relays.length === 0 ? [] : [labeler]),
      ...(captured === null ? [] : [captured.labeler]),
    ]),
    plcUrl: plc.url,
    pdsUrls: urls(captured === null ? pdses : [...pdses, captured.pds]),
    controlUrl: control.url,
  }
}
