/** The commands: what each is for, in the words of `--help`, and where its code is. Owns no settings; they are in config. */
import type { CommandName } from './config/setting.ts'
import type { Run } from './context.ts'

type CommandSpec = {
  readonly summary: string
  readonly description: string
  readonly examples: readonly (readonly [commandLine: string, what: string])[]
  /** Loaded only when it runs: `--help` needs no database driver. */
  readonly load: () => Promise<Run>
}

export const COMMAND_SPECS: Readonly<Record<CommandName, CommandSpec>> = {
  up: {
    summary: 'run everything in one process, with nothing to install',
    description: `Ingester, backfiller and indexer in one process. Streams and PostgreSQL live in the data folder; a Redis or a
PostgreSQL of your own takes the place of either by its URL. Metrics and a console per service: ports 4100, 9091, 9093.`,
    examples: [
      ['millrace up', 'index the network into ./millrace-data'],
      ['millrace up --collections app.bsky.graph.*', 'only follows, blocks and lists'],
      ['millrace up --database-url postgresql://me@db/bsky', 'into a PostgreSQL of your own'],
    ],
    load: async () => (await import('./commands/services.ts')).up,
  },
  demo: {
    summary: 'watch a network of its own flow into PostgreSQL, offline',
    description: `Starts a sandbox network on this machine and \`up\` on top of it, shows the progress, and at the end compares every
record of the network with the database. Without --exit-when-done it keeps running, so that you can look around.`,
    examples: [
      ['millrace demo', 'look around; Ctrl-C ends it'],
      ['millrace demo --exit-when-done --records 100000 --rate 5000', 'a larger proof'],
      ['millrace demo --data ./demo-data', 'keep the data'],
    ],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  ingester: {
    summary: 'from relays and labelers into the streams',
    description: `One ingester on Redis. Takes the place of rsky's ingester: streams, keys and environment are the same.`,
    examples: [
      ['millrace ingester --redis-url redis://localhost:6379', 'all parts, from bsky.network'],
      ['millrace ingester --ingester-mode labeler --labeler-hosts mod.bsky.app', 'labels only'],
    ],
    load: async () => (await import('./commands/services.ts')).ingester,
  },
  backfiller: {
    summary: 'fetch and verify whole repositories',
    description: `One backfiller on Redis. Takes the place of rsky's backfiller: streams, groups and environment are the same.`,
    examples: [
      ['millrace backfiller --backfiller-consumer backfiller_2', 'the second of a fleet'],
      ['millrace backfiller --backfiller-concurrency 20', 'gentler to the network'],
    ],
    load: async () => (await import('./commands/services.ts')).backfiller,
  },
  indexer: {
    summary: 'from the streams into PostgreSQL',
    description: `One indexer on Redis and PostgreSQL. Takes the place of rsky's indexer: streams, groups and environment are the same.`,
    examples: [
      ['millrace indexer --database-url postgresql://me@db/bsky', 'all streams'],
      ['millrace indexer --indexer-streams firehose_live', 'live only'],
    ],
    load: async () => (await import('./commands/services.ts')).indexer,
  },
  sandbox: {
    summary: 'an AT Protocol network on this machine',
    description: `Relays, servers of accounts, a directory and a labeler with real signed bytes, the same for the same seed. Prints
where they listen; GET <control>/truth tells what a perfect indexer would hold.`,
    examples: [
      ['millrace sandbox --accounts 1000 --rate 5000', 'a busier network'],
      ['millrace sandbox --json', 'addresses as JSON, for a script'],
    ],
    load: async () => (await import('./commands/sandbox.ts')).sandbox,
  },
  migrate: {
    summary: 'create the tables',
    description: `Creates what is missing in the database, in the AppView's schema and in Millrace's own. Safe to repeat.`,
    examples: [['millrace migrate --database-url postgresql://me@db/bsky', '']],
    load: async () => (await import('./commands/migrate.ts')).migrate,
  },
  recount: {
    summary: 'compare the counts of posts and profiles with the rows they count',
    description: `Counts likes, reposts, replies, quotes, followers, follows and posts anew, key by key, and compares
post_agg and profile_agg with that. Indexers may go on meanwhile: what it tells is no race. It changes
nothing unless --repair is given; then each wrong line is held, counted once more and set right. What it
found is exported by the indexers as indexer_aggregate_drift. Exit 0 when no figure is wrong (any more),
3 when one is or the recount was stopped before its end.`,
    examples: [
      ['millrace recount', 'of an `up` on this machine, running or not'],
      ['millrace recount --database-url postgresql://me@db/bsky', 'of a deployment; only reports'],
      ['millrace recount --database-url postgresql://me@db/bsky --repair', 'and writes the right figures'],
      ['millrace recount --json', 'for a script'],
      ['millrace recount --range-rows 1000', 'in smaller transactions: slower, and gentler'],
    ],
    load: async () => (await import('./commands/recount.ts')).recount,
  },
  status: {
    summary: 'streams, lags, cursors and rates of what is running',
    description: `Asks the running services, and with --redis-url the store itself. Exit 3 when nothing answers or a service is not
ready.`,
    examples: [
      ['millrace status', 'of an `up` or `demo` on this machine'],
      ['millrace status --redis-url redis://localhost:6379 --json', 'of a deployment, for a script'],
    ],
    load: async () => (await import('./commands/status.ts')).status,
  },
  drops: {
    summary: 'what was dropped as invalid, and why',
    description: `Lists the events that the indexer could not index because of what they say, the newest first, with the
reason and what their lexicon minds. The last 10,000 are kept in the database; \`indexer_dropped_total\` counts
them all. Changes nothing.`,
    examples: [
      ['millrace drops', 'of an `up` on this machine'],
      [
        'millrace drops --database-url postgresql://me@db/bsky --reason invalid_record',
        'that failed their lexicon',
      ],
      [
        'millrace drops --did did:plc:ewvi7nxzyoun6zhxrhs64oiz --limit 1000 --json',
        'of one account, for a script',
      ],
    ],
    load: async () => (await import('./commands/drops.ts')).drops,
  },
  top: {
    summary: 'the fleet live in this terminal',
    description: `Rates, lags, hosts, failures and freshness of all services, redrawn in place; q or Ctrl-C ends it. Without a terminal, or
with --json, it looks once: exit 0 when every service is ready, 3 when one is not or nothing answers.`,
    examples: [
      ['millrace top', 'an `up` or `demo` on this machine'],
      ['millrace top --prometheus http://localhost:9090', 'a fleet, with the alerts that fire'],
      ['millrace top --services http://ingester:4100,http://indexer1:9090 --json', 'one look, for a script'],
    ],
    load: async () => (await import('./commands/top.ts')).top,
  },
  doctor: {
    summary: 'find what is wrong, say why it matters and what mends it',
    description: `Checks settings, services, Prometheus, Redis, streams, PostgreSQL and this machine, side by side, and changes
nothing. What was not named is not asked: give --redis-url, --database-url and --prometheus of a deployment; an \`up\` in ./millrace-data
is found by itself. Exit 0 when all is well, 3 when a finding is a warning, an error, or could not be known.`,
    examples: [
      ['millrace doctor', 'an `up` or `demo` on this machine'],
      ['millrace doctor --prometheus http://localhost:9090', 'targets, rules, alerts and dashboards as well'],
      [
        'millrace doctor --services http://ingester:4100,http://indexer1:9090 --redis-url redis://redis --database-url postgresql://me@db/bsky',
        '',
      ],
      ['millrace doctor --only redis,streams --json', 'two groups, for a script'],
      ['millrace doctor --network --relay-hosts bsky.network', 'the relay and the PLC directory, too'],
    ],
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
}

export const EXIT_CODES = `Exit codes:
  0   done, or stopped as asked
  1   unexpected failure: a bug or damaged own state
  2   a stop did not finish in time, or a second signal forced it
  3   the answer is no: something is missing, wrong or not ready
  64  wrong command line or setting
  65  a data folder or database that is not ours or is damaged
  69  Redis or PostgreSQL cannot be reached or refuses us
  73  a port is taken, a folder cannot be written
  78  a store is configured so that data could be lost`
