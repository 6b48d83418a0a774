import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { checkConfig } from '../../src/cli/doctor/config/check.ts'
import { exitCodeOf, makeReport, ok, type Finding, type Report } from '../../src/cli/doctor/finding.ts'
import { runExaminations } from '../../src/cli/doctor/groups.ts'
import { checkMachine } from '../../src/cli/doctor/machine/check.ts'
import { metricNames } from '../../src/cli/doctor/prometheus/promql.ts'
import { parseScrape } from '../../src/cli/doctor/scrape.ts'
import { checkServices } from '../../src/cli/doctor/services/check.ts'
import { readServices } from '../../src/cli/doctor/services/facts.ts'
import { freePort } from '../harness/services.ts'
import { run } from './program.ts'

const idsOf = (findings: readonly Finding[]) =>
  findings.filter(({ severity }) => severity !== 'ok' && severity !== 'info').map(({ id }) => id)

test('settings that services would refuse or should not have are told before a start', () => {
  assert.deepEqual(idsOf(checkConfig({ REDIS_URL: 'redis://r' })), [])
  const [unknown] = checkConfig({ MILLRACE_REDIS_URI: 'redis://r' })
  assert.deepEqual([unknown?.id, unknown?.severity], ['config.unknown', 'error'])
  assert.match(unknown?.fix ?? '', /export MILLRACE_REDIS_URL/)
  assert.deepEqual(idsOf(checkConfig({ INGESTER_MODE: 'x' })), ['config.value'])
  assert.deepEqual(idsOf(checkConfig({ INDEXER_STREAMS: 'firehose_live' })), ['config.streams'])
})

test('a group that hangs or throws is unknown, beside the others, and fails the exit code', async () => {
  const hangs = () => new Promise<Finding[]>(() => undefined)
  const groups = await runExaminations(
    [
      { group: 'config', examine: async () => [ok('config.resolves', 'well')] },
      { group: 'redis', examine: hangs },
      { group: 'postgres', examine: () => Promise.reject(new Error('broken')) },
    ],
    50,
  )
  const report = makeReport('1', groups)
  assert.deepEqual(
    groups.map(({ findings }) => findings[0]?.id),
    ['config.resolves', 'redis.timeout', 'postgres.failed'],
  )
  assert.equal(report.worst, 'unknown')
  assert.equal(exitCodeOf(report), 3)
  assert.equal(exitCodeOf(makeReport('1', groups.slice(0, 1))), 0)
})

test('a scrape is read as Prometheus reads it, and what is not metrics is named', () => {
  const text = '# HELP a b\na{x="1"} NaN\nb Nan\nc +Inf 1700000000\nd 1e3\n<html>\n'
  const { samples, unreadable } = parseScrape(text)
  assert.deepEqual(
    samples.map(({ value }) => value),
    [Number.NaN, Number.NaN, Infinity, 1_000],
  )
  assert.deepEqual(unreadable, ['<html>'])
})

test('metric names are found in any expression, whatever variables a dashboard puts in', () => {
  const expr = 'sum by (x) (rate(a_total{job=~"$job"}[$__rate_interval])) / {__name__=~"b|c"} > bool 1'
  assert.deepEqual([...metricNames(expr)].sort(), ['a_total', 'b', 'c'])
})

test('a small container and a full disk are warnings', () => {
  const facts = { nodeVersion: 'v24.0.0', isContainer: true, memoryUsedBytes: null, openFiles: null }
  const disk = { folder: '/d', freeBytes: 1e8, totalBytes: 1e12 }
  assert.deepEqual(idsOf(checkMachine({ ...facts, memoryBytes: 2 ** 28, disk })), [
    'machine.memory',
    'machine.disk',
  ])
  assert.deepEqual(idsOf(checkMachine({ ...facts, memoryBytes: 2 ** 31, disk: null })), [])
})

test('an address that is given has to be a service: what is there instead is told', async (t) => {
  const other = createServer((_, answer) => answer.end('go_goroutines 1\n')).listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  try {
    const { port } = other.address() as AddressInfo
    const urls = [`http://127.0.0.1:${port}`, 'http://127.0.0.1:9']
    const facts = await readServices(urls, { signal: t.signal, timeoutMs: 10_000 })
    assert.deepEqual(idsOf(checkServices({ facts, areGiven: true })), [
      'services.foreign',
      'services.unreachable',
    ])
  } finally {
    other.closeAllConnections()
    other.close()
  }
})

test('with nothing running it says what is not there and how to start it; a wrong group is wrong usage', async () => {
  const [page, json, wrong] = await Promise.all([
    run(['doctor', '--only', 'services', '--services', `http://127.0.0.1:${await freePort()}`]),
    run(['doctor', '--only', 'machine,config', '--json'], { MILLRACE_TYPO: '1' }),
    run(['doctor', '--only', 'redsi']),
  ])
  assert.equal(page.code, 3, page.stderr)
  assert.match(page.stdout, /nothing listens there/)
  const report = JSON.parse(json.stdout) as Report
  assert.deepEqual([json.code, report.worst, report.counts.error], [3, 'error', 1])
  assert.equal(wrong.code, 64)
})
