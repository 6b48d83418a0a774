/** "Metrics not updating": a counter that has to move while what feeds it moves, looked at twice. Pure. */
import type { ServiceName } from '../../../monitoring/status.ts'
import { error, ok, warning, type Finding } from '../finding.ts'
import { isAnswer } from '../http.ts'
import { SAMPLE_MS } from '../sampling.ts'
import { total } from '../scrape.ts'
import { countText } from '../words.ts'
import type { ServiceFacts } from './facts.ts'

const moved = (services: readonly ServiceFacts[], name: string): number =>
  services.reduce((sum, { scraped, later }) => {
    const before = total(scraped.samples, name)
    const after = total(later, name)
    return before === null || after === null ? sum : sum + Math.max(0, after - before)
  }, 0)

const ofKind = (services: readonly ServiceFacts[], kind: ServiceName) =>
  services.filter((service) => service.kind === kind && service.later.length > 0)

/** Entries that no indexer was given; null when nobody knows. */
const waiting = (indexers: readonly ServiceFacts[]): number | null => {
  const figures = indexers.map(({ later }) => total(later, 'indexer_queue_length'))
  const known = figures.filter((figure): figure is number => figure !== null && !Number.isNaN(figure))
  return known.length === 0 ? null : Math.max(...known)
}

export const checkMovement = (services: readonly ServiceFacts[]): Finding[] => {
  const frozen = services.filter(isFrozen)
  return [...frozen.map(sayFrozen), ...checkIngester(services), ...checkIndexers(services)]
}

/** CPU seconds of a process that answers always move: the same figures twice come from a cache, not from the process. */
const isFrozen = ({ scraped, later }: ServiceFacts): boolean => {
  const name = 'process_cpu_seconds_total'
  const before = total(scraped.samples, name)
  return before !== null && before === total(later, name)
}

const sayFrozen = ({ url }: ServiceFacts): Finding =>
  error('services.frozen', `${url}: the process’s CPU seconds are the same after ${SAMPLE_MS / 1_000} s.`, {
    why: 'Something between here and the service (a proxy, a cache) answers in its place, so every figure is old.',
    fix: `curl -sv ${url}/metrics -o /dev/null   # look for Age, Via or X-Cache in the answer`,
  })

const checkIngester = (services: readonly ServiceFacts[]): Finding[] => {
  const ingesters = ofKind(services, 'ingester')
  const received = moved(ingesters, 'ingester_firehose_events_total')
  const written = moved(ingesters, 'ingester_stream_events_total')
  const held = ingesters.some(({ later }) => (total(later, 'ingester_backpressure_active') ?? 0) > 0)
  if (received < 100 || written > 0 || held) return []
  return [
    warning(
      'services.ingester_still',
      `The ingester received ${countText(received)} events and wrote none of them.`,
      {
        why: 'Everything is filtered out, or the store refuses what is written.',
        fix: 'grep COLLECTION <environment of the ingester>   # and its log; see also: millrace status',
      },
    ),
  ]
}

const checkIndexers = (services: readonly ServiceFacts[]): Finding[] => {
  const indexers = ofKind(services, 'indexer')
  if (indexers.length === 0) return []
  const processed = moved(indexers, 'indexer_events_processed_total')
  const queue = waiting(indexers)
  if (processed > 0)
    return [
      ok('services.moving', `Indexers processed ${countText(processed)} events in ${SAMPLE_MS / 1_000} s.`),
    ]
  if (queue === null || queue < 1_000) return []
  const [first] = indexers
  return [
    warning(
      'services.indexer_still',
      `${countText(queue)} entries wait and no indexer processed one in ${SAMPLE_MS / 1_000} s.`,
      {
        why: 'The AppView shows an ever older network until the indexers move again.',
        fix: `curl -s ${first && isAnswer(first.metrics) ? first.url : ''}/status   # is PostgreSQL away, or a statement stuck?`,
      },
    ),
  ]
}
