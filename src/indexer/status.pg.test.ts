import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIREHOSE_LIVE } from '../event/streams.ts'
import { at, create, didOf, identity, openTestDatabase, ref, timeOf, until } from './testing.ts'
import { asked, named } from './testing-accounts.ts'
import { append, appendLabels, openTestLog, startIndexer } from './testing-loop.ts'

test('the status tells rows, labels, notifications, look-ups, letters and errors as the metrics do, and the queue of look-ups', async () => {
  await using db = await openTestDatabase()
  await using store = await openTestLog()
  const did = didOf('told')
  const lookup = asked({ [did]: named('told.test') })
  await using indexer = startIndexer({ ...store, pool: db.pool, lookup, factsEveryMs: 0 })
  const subject = ref(at(didOf('friend'), 'post', 'p'))
  await append(store.log, create(1, [did, 'like', 'l'], { subject, createdAt: timeOf(1) }), identity(2, did))
  await store.log.append(FIREHOSE_LIVE, [{ event: 'no json' }])
  const label = {
    src: 'did:plc:l',
    uri: 'at://x',
    cid: null,
    val: 'v',
    neg: false,
    cts: timeOf(1),
    exp: null,
  }
  await appendLabels(store.log, label)
  await until('all is told', async () => {
    const { totals } = await indexer.status.status()
    return Object.values(totals).every((total) => total > 0)
  })
  const { totals, streams } = await indexer.status.status()
  assert.deepEqual(
    [
      totals['eventsProcessed'],
      totals['labelsProcessed'],
      totals['notificationsWritten'],
      totals['deadLetters'],
    ],
    [2, 1, 1, 1],
  )
  assert.equal(totals['errors'], await indexer.metric('indexer_errors_total'))
  const queue = streams.find(({ stream }) => stream === 'identity look-ups')
  assert.equal(queue?.length, 0)
})
