/**
 * docs/troubleshooting.md as an operator follows it: every command, while the very trouble it is for is there, and what shows it.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { until } from '../e2e/until.ts'
import { runBlock } from '../drill/runbook.ts'
import { openStack, type Stack } from '../drill/stack.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8')

/** The commands under a heading; those of a list are set in. */
const blocksUnder = (heading: string): readonly string[] => {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^( *)```bash\n([^]*?)^ *```$/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )
}

let opened: Stack | null = null
const stack = (): Stack => {
  if (opened === null) throw new Error('there is no stack')
  return opened
}

before(async () => {
  opened = await openStack()
})

after(async () => opened?.[Symbol.asyncDispose]())

const untilTrue = (query: string): Promise<unknown> =>
  until(
    query,
    async () =>
      (
        await stack()
          .prometheus.query(query)
          .catch(() => [])
      ).length > 0
        ? true
        : null,
    {
      everyMs: 500,
    },
  )

/** What each step says, in their order. */
const follow = async (heading: string): Promise<readonly string[]> => {
  const blocks = blocksUnder(heading)
  assert.ok(blocks.length > 0, `there are commands under ${heading}`)
  const answers: string[] = []
  for (const block of blocks) answers.push(await runBlock(block, stack()))
  for (const [i, answer] of answers.entries()) assert.notEqual(answer.trim(), '', blocks[i])
  return answers
}

test('on a fleet that is well, collection is verified', async () => {
  const [targets = '', services = '', moving = '', doctor = ''] = await follow('Verify metrics collection')
  assert.equal(targets.match(/"health":"up"/g)?.length, 7)
  assert.match(services, /^backfiller_repos_processed_total \d/m)
  assert.match(moving, /"rust-ingester","\d*\.?\d*[1-9]/)
  assert.match(doctor, /targets are UP/)
})

test('a service that has ended is found by the steps for DOWN, and by the doctor', async () => {
  const { backfiller } = stack()
  await backfiller.program.kill()
  await untilTrue('up{job="rust-backfiller"} == 0')
  const [down = '', endpoints = '', doctor = ''] = await follow('Prometheus shows DOWN for targets')
  assert.match(down, /^rust-backfiller\t.*connection refused/m)
  assert.match(endpoints, new RegExp(`^${backfiller.url} 000$`, 'm'))
  assert.match(endpoints, new RegExp(`^${stack().indexer.url} 200$`, 'm'))
  assert.match(doctor, /rust-backfiller .* is DOWN/)
  assert.match(doctor, /none listens on port/)
  await backfiller.program.start()
  await untilTrue('up{job="rust-backfiller"} == 1')
})

test('a relay that stalls is found by the steps for figures that stand still', async () => {
  stack().relay.jam()
  await untilTrue('ingester_seconds_since_last_frame > 5')
  const [ages = '', twice = '', upstreams = ''] = await follow('Metrics not updating')
  assert.doesNotMatch(ages, /"\d{2,}\.?\d*"/, 'every scrape is recent')
  const events = [...twice.matchAll(/^ingester_firehose_events_total (\d+)/gm)].map(([, count]) => count)
  const cpu = [...twice.matchAll(/^process_cpu_seconds_total ([\d.]+)/gm)].map(([, count]) => count)
  assert.equal(events[0], events[1])
  assert.notEqual(cpu[0], cpu[1])
  assert.match(upstreams, /"kind":"firehose".*"secondsSinceData":([5-9]|\d\d)/)
  await stack().relay.mend()
})

/** A dashboard that asks for a name of another build. */
const renamed = (folder: string): string => {
  const dashboards = join(folder, 'dashboards')
  mkdirSync(dashboards)
  const panels = [{ title: 'Throughput', targets: [{ expr: 'rate(ingester_firehose_frames_total[5m])' }] }]
  writeFileSync(join(dashboards, 'own.json'), JSON.stringify({ title: 'Own', panels }))
  return dashboards
}

test('a renamed metric and a wrong time range are found by the steps for No Data', async () => {
  const dashboards = renamed(stack().folder)
  const wrong = `export metric=ingester_firehose_frames_total DASHBOARDS=${dashboards}\n`
  const [, name = '', doctor = '', range = ''] = await Promise.all(
    blocksUnder('Grafana shows No Data').map((block) => runBlock(`${wrong}${block}`, stack())),
  )
  assert.deepEqual(JSON.parse(name), ['ingester_firehose_frames_total', []])
  assert.match(doctor, /ingester_firehose_frames_total \(Own \/ Throughput\)/)
  const answers = range.trim().split('\n')
  assert.equal(answers.at(-2), '["172800",0]')
  assert.equal(answers.at(-1), '["0",7]')
  const asShipped = (await follow('Grafana shows No Data'))[1] ?? ''
  assert.deepEqual(JSON.parse(asShipped), ['ingester_firehose_events_total', ['rust-ingester']])
})
