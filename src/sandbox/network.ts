/** Puts the hosts of a sandbox together: opens them, fills the world, wires events to relays, and closes all again. */
import { accountFrame, commitFrame, identityFrame, syncFrame, type Unnumbered } from './frame.ts'
import { serveControl } from './control.ts'
import { serveDidWeb, servePds, servePlc, serveRelay } from './endpoints.ts'
import { Host } from './http.ts'
import type { Sandbox, Settings } from './index.ts'
import { Producer } from './producer.ts'
import { step } from './script.ts'
import { EventStream } from './stream-server.ts'
import { truthRecords, truthWithoutRecords, type Truth, type TruthParts } from './truth.ts'
import { World, type WorldEvent } from './world.ts'

export type Network = Sandbox

/** Relays number their frames apart, so that a cursor of one never fits another. */
const FIRST_SEQ = 1_000_001

const frameOf = (event: WorldEvent): Unnumbered => {
  const { did } = event.account
  const time = new Date(event.timeMs).toISOString()
  switch (event.kind) {
    case 'commit':
      return commitFrame({ did, commit: event.commit, time, blobs: event.blobs })
    case 'sync':
      return syncFrame(did, event.account.repo.head, time)
    case 'identity':
      return identityFrame(did, event.handle, time)
    case 'account':
      return accountFrame(did, event.status, time)
  }
}

type Hosts = {
  readonly control: Host
  readonly plc: Host
  readonly labeler: Host
  readonly relays: readonly Host[]
  readonly pdses: readonly Host[]
  readonly didWebs: readonly Host[]
}

const openHosts = async (settings: Settings): Promise<{ hosts: Hosts; all: readonly Host[] }> => {
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

const fillWorld = (world: World, settings: Settings, hosts: Hosts): void => {
  for (let i = 0; i < settings.accounts; i++) {
    const web = hosts.didWebs[i]
    world.createAccount(web === undefined ? {} : { did: `did:web:localhost%3A${web.port}` })
  }
  for (const [i, web] of hosts.didWebs.entries()) serveDidWeb(web, () => world.accounts[i])
  world.populate(Math.floor(settings.records * settings.backfillShare))
}

const openStreams = (settings: Settings, hosts: Hosts): EventStream[] =>
  hosts.relays.map((host, i) => {
    const stream = new EventStream({
      path: '/xrpc/com.atproto.sync.subscribeRepos',
      firstSeq: FIRST_SEQ * (i + 1),
      windowBytes: settings.windowBytes,
      withoutCursor: 'live',
    })
    stream.attach(host)
    return stream
  })

export const openNetwork = async (settings: Settings): Promise<Network> => {
  const { hosts, all } = await openHosts(settings)
  const streams = openStreams(settings, hosts)
  let events = 0
  const onEvent = (event: WorldEvent): void => {
    events++
    const frame = frameOf(event)
    for (const [i, stream] of streams.entries()) stream.emit(frame, i < streams.length - 1)
  }
  const world = new World({
    seed: String(settings.seed),
    now: settings.now,
    pdses: hosts.pdses.map(({ url }) => url),
    onEvent,
  })
  fillWorld(world, settings, hosts)
  servePlc(hosts.plc, world)
  for (const pds of hosts.pdses) servePds(pds, world)
  for (const relay of hosts.relays) serveRelay(relay, world, hosts.pdses)
  const producer = new Producer({
    step: () => step(world),
    events: () => events,
    room: () => streams.every((stream) => stream.room()),
    more: () => world.created < settings.records,
    ratePerSecond: settings.ratePerSecond,
  })
  const parts = (): TruthParts => ({ labels: [], unreachableLive: [] })
  const network: Network = {
    relayUrls: hosts.relays.map(({ url }) => url),
    labelerUrls: [hosts.labeler.url],
    plcUrl: hosts.plc.url,
    pdsUrls: hosts.pdses.map(({ url }) => url),
    controlUrl: hosts.control.url,
    truth: (): Truth => ({ ...truthWithoutRecords(world, parts()), records: [...truthRecords(world)] }),
    setRate: (rate) => producer.setRate(rate),
    produce: (count) => producer.produce(count),
    done: producer.done,
    close: async () => {
      await producer.close()
      for (const stream of streams) stream.close()
      await Promise.all(all.map((host) => host.close()))
    },
  }
  serveControl(hosts.control, { network, world, parts, events: () => events, rate: () => producer.rate })
  settings.logger.info(
    { relays: network.relayUrls, plc: network.plcUrl, control: network.controlUrl },
    'sandbox network is up',
  )
  return network
}
