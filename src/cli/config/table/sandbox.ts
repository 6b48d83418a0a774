/** Settings of the sandbox network. */
import { FAULT_KINDS, parseFault, type FaultSetting } from '../../../sandbox/faults.ts'
import { int, list, name, optional, path, port, type Kind } from '../kinds.ts'
import { setting, type CommandName } from '../setting.ts'

const BOTH: readonly CommandName[] = ['sandbox', 'demo']

const fault: Kind<FaultSetting> = {
  expects: 'a fault',
  placeholder: '<fault>',
  parse: (text) => parseFault(text) ?? undefined,
  show: ({ kind }) => kind,
}

export const sandbox = {
  seed: setting<number | null>({
    kind: optional(int({ min: 0, max: 2 ** 31 - 1 })),
    default: 1,
    defaultFor: { demo: null },
    absent: 'another network every time',
    commands: BOTH,
    text: 'The same seed makes the same accounts; their records carry the time of the run.',
  }),
  accounts: setting({
    kind: int({ min: 0, max: 1_000_000 }),
    default: 200,
    commands: BOTH,
    text: 'Accounts of the network.',
  }),
  records: setting({
    kind: int({ min: 0, max: 100_000_000 }),
    default: 20_000,
    commands: BOTH,
    text: 'Records in all: half of them exist at the start, half come over the relays.',
  }),
  rate: setting({
    kind: int({ min: 0, max: 1_000_000 }),
    default: 1_000,
    commands: BOTH,
    text: 'Events per second; 0 waits for a request to the control address.',
  }),
  relays: setting({
    kind: int({ min: 1, max: 16 }),
    default: 1,
    commands: BOTH,
    text: 'Relays, all with the same events.',
  }),
  pdses: setting({
    kind: int({ min: 1, max: 256 }),
    default: 3,
    commands: BOTH,
    text: 'Servers of accounts.',
  }),
  sandboxHost: setting({
    kind: name(/^[a-z0-9.:-]{1,255}$/i, 'an address such as 127.0.0.1'),
    default: '127.0.0.1',
    commands: BOTH,
    text: 'Address on which the network listens.',
  }),
  sandboxPort: setting({
    kind: port,
    default: 0,
    defaultFor: { sandbox: 2580 },
    commands: BOTH,
    text: 'First port of the network; 0 takes free ones.',
  }),
  faults: setting<readonly FaultSetting[]>({
    kind: list(fault, 'faults separated by semicolons, such as silent_socket or bad_signature:0.1', ';'),
    default: [],
    commands: BOTH,
    text: `Faults that are on from the start: ${FAULT_KINDS.join(', ')}.`,
  }),
  serve: setting<string | null>({
    kind: optional(path),
    default: null,
    absent: 'none',
    commands: ['sandbox'],
    text: 'Also serve the captured repositories and frames of this folder.',
  }),
}
