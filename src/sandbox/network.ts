/** Puts the hosts of a sandbox together: opens them, fills the world, wires events to relays, and closes all again. */
import { Broadcast } from './broadcast.ts'
import { corruptSignature } from './damage.ts'
import { serveControl } from './control.ts'
import { readCaptured, type Captured } from './captured.ts'
import { relocated, serveCaptured } from './captured-hosts.ts'
import { serveDidWeb, serveLabeler, servePds, servePlc, serveRelay, type Directory } from './endpoints.ts'
import type { Account } from './account.ts'
import { Faults } from './faults.ts'
import { openHosts, urlsOf, type Hosts } from './hosts.ts'
import type { Host } from './http.ts'
import { httpFaults, type Role } from './http-faults.ts'
import type { Sandbox, Settings } from './options.ts'
import { deriveKey, type SigningKey } from './keys.ts'
import { Labeler } from './labels.ts'
import { SUBSCRIBE_LABELS, SUBSCRIBE_REPOS } from './names.ts'
import { Producer } from './producer.ts'
import { RelayFeed } from './relay.ts'
import { createScript } from './script.ts'
import { EventStream, type StreamOptions } from './stream-server.ts'
import { truthRecords, truthWithoutRecords, type TruthParts } from './truth.ts'
import { World } from './world.ts'

/** Relays number their frames apart, so that a cursor of one never fits another. */
const FIRST_SEQ = 1_000_001

const labelerKey = ({ seed }: Settings): SigningKey => deriveKey('k256', `${seed}/labeler`)

/** The first accounts get the did:web hosts, the last one is the labeler. */
const fillWorld = (world: World, settings: Settings, hosts: Hosts): Account | null => {
  if (settings.accounts === 0) return null
  const labeler = { endpoint: hosts.labeler.url, key: labelerKey(settings).didKey }
  for (let i = 0; i < settings.accounts - 1; i++) {
    const web = hosts.didWebs[i]
    world.createAccount(web === undefined ? {} : { did: `did:web:localhost%3A${web.port}` })
  }
  const service = world.createAccount({ labeler, handle: 'labeler.test' })
  for (const [i, web] of hosts.didWebs.entries()) serveDidWeb(web, () => world.accounts[i])
  const records = Math.floor(settings.records * settings.backfillShare)
  world.present(world.accounts[Math.floor(settings.accounts / 2)] ?? service)
  world.populate(records)
  world.present(world.accounts[Math.floor(settings.accounts / 3)] ?? service)
  return service
}

const cursorFault = (faults: Faults, url: string): StreamOptions['judgeCursor'] => {
  return () => {
    if (faults.strike('future_cursor', url) !== null) return 'future'
    return faults.strike('outdated_cursor', url) === null ? null : 'outdated'
  }
}

const openStream = (
  host: Host,
  faults: Faults,
  options: Omit<StreamOptions, 'judgeCursor' | 'withoutCursor'>,
): EventStream => {
  const judgeCursor = cursorFault(faults, host.url) as NonNullable<StreamOptions['judgeCursor']>
  const stream = new EventStream({ ...options, withoutCursor: 'live', judgeCursor })
  stream.attach(host)
  return stream
}

/** Part of the steps that come with labels. */
const LABEL_SHARE = 0.02

type Parts = {
  readonly settings: Settings
  readonly hosts: Hosts
  readonly faults: Faults
  readonly relays: readonly EventStream[]
  readonly labelStream: EventStream
  readonly broadcast: Broadcast
  readonly world: World
  readonly labeler: Labeler | null
  readonly captured: Captured | null
}

const createLabeler = (
  world: World,
  service: Account,
  parts: Pick<Parts, 'settings' | 'faults' | 'labelStream'>,
): Labeler =>
  new Labeler({
    src: service.did,
    key: labelerKey(parts.settings),
    world,
    onLabels: (frame) => parts.labelStream.emit(frame),
    spoil: (sig) =>
      parts.faults.strike('bad_label_signature', 'labeler') === null ? sig : corruptSignature(sig),
  })

const assemble = (settings: Settings, hosts: Hosts): Parts => {
  const faults = new Faults(String(settings.seed))
  for (const { kind, ...spec } of settings.faults) faults.set(kind, spec)
  const { windowBytes } = settings
  const relays = hosts.relays.map((host, i) =>
    openStream(host, faults, { path: SUBSCRIBE_REPOS, firstSeq: FIRST_SEQ * (i + 1), windowBytes }),
  )
  const labelStream = openStream(hosts.labeler, faults, {
    path: SUBSCRIBE_LABELS,
    firstSeq: FIRST_SEQ,
    windowBytes,
  })
  const urlOf = (i: number): string => hosts.relays[i]?.url ?? ''
  const broadcast = new Broadcast(relays.map((stream, i) => new RelayFeed({ stream, faults, url: urlOf(i) })))
  const world = new World({
    seed: String(settings.seed),
    now: settings.now,
    pdses: hosts.pdses.map(({ url }) => url),
    staleAccountEvents: settings.staleAccountEvents,
    onEvent: (event) => broadcast.send(event),
  })
  const service = fillWorld(world, settings, hosts)
  const labeler = service === null ? null : createLabeler(world, service, { settings, faults, labelStream })
  for (let i = 0; i < Math.min(50, settings.records * LABEL_SHARE); i++) labeler?.step()
  const captured = settings.serveDir === '' ? null : readCaptured(settings.serveDir)
  return { settings, hosts, faults, relays, labelStream, broadcast, world, labeler, captured }
}

const createProducer = ({ settings, world, labeler, broadcast, relays }: Parts): Producer => {
  const script = createScript(world)
  return new Producer({
    step: () => {
      script()
      if (world.random.chance(LABEL_SHARE)) labeler?.step()
    },
    events: () => broadcast.events,
    room: () => relays.every((stream) => stream.room()),
    more: () => world.created < settings.records,
    ratePerSecond: settings.ratePerSecond,
  })
}

const orClose = async <T>(hosts: readonly Host[], make: () => T): Promise<T> => {
  try {
    return make()
  } catch (error) {
    await Promise.all(hosts.map((host) => host.close()))
    throw error
  }
}

/** Without accounts there is no network of its own, only what was captured. */
const adjusted = (settings: Settings): Settings =>
  settings.accounts > 0 ? settings : { ...settings, records: 0, relays: 0, pdses: 0, didWebs: 0 }

export const openNetwork = async (given: Settings): Promise<Sandbox> => {
  const settings = adjusted(given)
  const { hosts, all } = await openHosts(settings)
  const parts = await orClose(all, () => assemble(settings, hosts))
  const streams = [...parts.relays, parts.labelStream, ...serveAll(parts)]
  const { world, faults, labeler, broadcast } = parts
  const producer = createProducer(parts)
  const truthParts = (): TruthParts => ({
    labels: labeler?.truth() ?? [],
    unreachableLive: [...broadcast.unreachable],
  })
  const network: Sandbox = {
    ...urlsOf(hosts),
    truth: () => ({ ...truthWithoutRecords(world, truthParts()), records: [...truthRecords(world)] }),
    setFault: (kind, spec) => faults.set(kind, spec),
    faults: () => faults.report(),
    setRate: (rate) => producer.setRate(rate),
    produce: (count) => producer.produce(count),
    done: producer.done,
    close: async () => {
      await producer.close()
      for (const stream of streams) stream.close()
      await Promise.all(all.map((host) => host.close()))
    },
  }
  const events = (): number => broadcast.events
  serveControl(hosts.control, { network, world, parts: truthParts, events, rate: () => producer.rate })
  settings.logger.info(urlsOf(hosts), 'sandbox network is up')
  return network
}

/** Identities of the world first, then those that were captured. */
const directoryOf = ({ world, captured, hosts }: Parts): Directory => ({
  resolve: (handle) => world.byHandle.get(handle)?.did ?? captured?.handles.get(handle) ?? null,
  document: (did) => {
    const document = captured?.documents.get(did)
    return document === undefined || hosts.captured === null ? null : relocated(document, hosts.captured)
  },
})

/** Serves every host; the streams of captured data are the caller's to close. */
const serveAll = (parts: Parts): readonly EventStream[] => {
  const { hosts, world, faults, labeler, captured } = parts
  const directory = directoryOf(parts)
  const struck = (host: Host, role: Role): void => host.intercept(httpFaults(faults, { role, url: host.url }))
  servePlc(hosts.plc, world, directory)
  struck(hosts.plc, 'plc')
  for (const pds of hosts.pdses) {
    servePds(pds, { world, faults, directory })
    struck(pds, 'pds')
  }
  for (const relay of hosts.relays) {
    serveRelay(relay, world, hosts.pdses)
    struck(relay, 'relay')
  }
  serveLabeler(hosts.labeler, () => labeler?.labels() ?? [])
  struck(hosts.labeler, 'labeler')
  if (captured === null || hosts.captured === null) return []
  struck(hosts.captured.relay, 'relay')
  struck(hosts.captured.pds, 'pds')
  return serveCaptured(hosts.captured, captured, directory.resolve)
}
