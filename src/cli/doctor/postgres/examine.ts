/** Joins what PostgreSQL said with the pools that services open on it. */
import { describeError, SetupError } from '../../../lib/errors.ts'
import { resolveAll } from '../config/check.ts'
import { error, info, type Finding } from '../finding.ts'
import { answerTimeoutMs, type Patient } from '../patient.ts'
import { total } from '../scrape.ts'
import type { ServiceFacts } from '../services/facts.ts'
import { checkDatabase, type Pools } from './check.ts'
import { embeddedUrl, readDatabase } from './facts.ts'
import { checkTables } from './tables.ts'

/** As the running indexers say; as one indexer with the settings here would, where none tells. */
const poolsOf = (services: readonly ServiceFacts[], { settings, environment }: Patient): Pools => {
  const sizes = services.flatMap(({ scraped }) => total(scraped.samples, 'db_pool_max_size') ?? [])
  const size = sizes.reduce((sum, one) => sum + one, 0)
  if (sizes.length > 0)
    return { size, words: sizes.length === 1 ? 'The indexer' : `${sizes.length} indexers` }
  return { size: (resolveAll(environment).indexer ?? settings).databasePoolSize, words: 'One indexer' }
}

export const examinePostgres = async (patient: Patient): Promise<Finding[]> => {
  const { settings } = patient
  const url = settings.databaseUrl ?? (await embeddedUrl(settings.data))
  if (url === null) return [notNamed()]
  try {
    const timeoutMs = answerTimeoutMs(settings)
    const [facts, services] = await Promise.all([
      readDatabase({ url, schema: settings.databaseSchema, timeoutMs }),
      patient.services(),
    ])
    return [...checkDatabase(facts, poolsOf(services, patient)), ...checkTables(facts)]
  } catch (cause) {
    if (cause instanceof SetupError) return [unusable(cause)]
    throw cause
  }
}

const notNamed = (): Finding =>
  info('postgres.not_named', 'No PostgreSQL was named, and no `up` runs in the data folder.', {
    why: 'Its version, settings, schema, sequences and connections were not looked at.',
    fix: 'millrace doctor --database-url postgresql://me@db/bsky   # or --data <folder of a running up>',
  })

const unusable = (cause: SetupError): Finding =>
  error('postgres.unreachable', `${cause.message}${cause.cause ? ` (${describeError(cause.cause)})` : ''}.`, {
    why: 'Indexers wait until it is back; meanwhile the streams fill to their high-water marks and intake stops.',
    fix: `${cause.remedy}   # pg_isready -d <url>`,
  })
