/** Faults that several drills share, each with what undoes it. */
import type { FaultKind, FaultSpec } from '../../src/sandbox/index.ts'
import { encodeBackfill } from '../../src/event/codec.ts'
import { REPO_BACKFILL } from '../../src/event/streams.ts'
import type { PrometheusConfig } from './configs.ts'
import type { Mend } from './drill.ts'
import type { Service } from './fleet.ts'
import type { Stack } from './stack.ts'

/** A fault of the network, until it is mended. */
export const network = ({ network }: Stack, kind: FaultKind, spec: FaultSpec = {}): Mend => {
  network.setFault(kind, spec)
  return () => network.setFault(kind, null)
}

/** The service with more on its command line. */
export const restartedWith = async (
  { program, args }: Service,
  ...more: readonly string[]
): Promise<Mend> => {
  await program.restart([...args, ...more])
  return () => program.restart()
}

/** A job reads these addresses. */
export const withTargets = (
  config: PrometheusConfig,
  job: string,
  targets: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): PrometheusConfig => {
  const found = config.scrape_configs.find(({ job_name }) => job_name === job)
  for (const some of found?.static_configs ?? []) {
    some.targets = [...targets]
    some.labels = { ...some.labels, ...labels }
  }
  return config
}

/** Something that goes on happening until it is mended; what fails in it is part of the fault. */
export const goingOn = (everyMs: number, act: () => Promise<unknown>): Mend => {
  let isOver = false
  const turning = (async () => {
    while (!isOver) {
      await act().catch(() => null)
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  })()
  return async () => {
    isOver = true
    await turning
  }
}

/** Repositories to fetch, as the ingester would queue them. */
export const queueRepos = async ({ network, redis }: Stack, count: number): Promise<void> => {
  const accounts = network.truth().accounts.filter(({ active }) => active)
  const host = network.relayUrls[0] ?? ''
  const entries = accounts.map(({ did, rev }) =>
    encodeBackfill({ did, rev, host, status: null, active: true }),
  )
  const fields = Array.from({ length: count }, (_, i) =>
    Object.entries(entries[i % entries.length] ?? {}).flat(),
  )
  await redis.sendAll(fields.map((some) => ['XADD', REPO_BACKFILL, '*', ...some]))
}

/** A session that keeps a table to itself. */
export const locked = async ({ database }: Stack, table: string): Promise<Mend> => {
  const session = await database.connect()
  await session.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
  return () => session.end()
}

/** Every statement that writes to a table does this first, in PL/pgSQL. */
export const triggered = async ({ database }: Stack, table: string, body: string): Promise<Mend> => {
  await database.query(`CREATE FUNCTION public.drill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NULL; END $$;
    CREATE TRIGGER drill BEFORE INSERT OR UPDATE OR DELETE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION public.drill()`)
  return () => database.query(`DROP TRIGGER drill ON ${table}; DROP FUNCTION public.drill()`)
}

/** A setting of Redis, until it is mended. */
export const configured = async ({ redis }: Stack, name: string, value: string): Promise<Mend> => {
  // A map where both sides speak RESP3, else a list of names and values: the value is the last of either.
  const before = Object.values((await redis.send('CONFIG', 'GET', name)) as object).at(-1) as string
  await redis.send('CONFIG', 'SET', name, value)
  return () => redis.send('CONFIG', 'SET', name, before)
}

/** What follows, sooner or later, when the tables take less than the streams get. */
export const INDEXER_LATE = [
  'IndexerStuck',
  'IndexerBehind',
  'IndexerFarBehind',
  'IndexedRateLow',
  'IntakeAboveDrain',
  'PendingIdle',
  'IdentityQueueStuck',
  'FreshnessBudgetBurnFast',
  'FreshnessBudgetBurnSlow',
] as const

/** What follows of a database that makes its writers wait. */
export const DATABASE_LATE = [
  'LongTransaction',
  'DatabaseSlow',
  'PoolStarved',
  'DatabaseErrors',
  'ServiceNotReady',
] as const

/** What one script may do without making Redis stand still for everybody. */
const AT_ONCE = 2_000

/** Entries that a consumer who is no more has taken and never acknowledged. `EVAL`, so that nobody else gets them. */
export const takenByGhost = async (
  { redis }: Stack,
  stream: string,
  group: string,
  count: number,
): Promise<Mend> => {
  const take = `for i = 1, tonumber(ARGV[2]) do redis.call('XADD', KEYS[1], '*', 'event', '{}') end
    redis.call('XREADGROUP', 'GROUP', ARGV[1], 'ghost', 'COUNT', ARGV[2], 'STREAMS', KEYS[1], '>')`
  const give = `for _, row in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[2], 'ghost')) do
      redis.call('XACK', KEYS[1], ARGV[1], row[1]); redis.call('XDEL', KEYS[1], row[1])
    end`
  const inTurns = async (script: string): Promise<void> => {
    for (let left = count; left > 0; left -= AT_ONCE) {
      await redis.send('EVAL', script, '1', stream, group, String(Math.min(left, AT_ONCE)))
    }
  }
  await inTurns(take)
  return async () => {
    await inTurns(give)
    await redis.send('XGROUP', 'DELCONSUMER', stream, group, 'ghost')
  }
}
