import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePort, freshRedis, needs } from '../harness/services.ts'
import { start } from './program.ts'

/** Nothing listens there: the ingester keeps trying, which is all that these tests need of a network. */
const ARGS = ['ingester', '--relay-hosts', 'http://127.0.0.1:9', '--ingester-metrics-port', '0'] as const
const READY = /metrics, health and console/

const signalled = (pid: number, run: () => Promise<void>): Promise<void> => {
  process.kill(pid, 'SIGSTOP')
  return run().finally(() => process.kill(pid, 'SIGCONT'))
}

test('SIGTERM and SIGINT each stop a service with exit code 0', needs('redis'), async () => {
  await using redis = await freshRedis()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await using program = start([...ARGS, '--redis-url', redis.url])
    await program.says(READY)
    program.child.kill(signal)
    const { code, stdout, stderr } = await program.ended
    assert.equal(code, 0, stderr)
    assert.match(stderr, /stopping: draining/)
    assert.equal(stdout, '')
  }
})

test('a stop that cannot drain is forced by its deadline with exit code 2', needs('redis'), async () => {
  await using redis = await freshRedis()
  await using program = start([...ARGS, '--redis-url', redis.url, '--stop-timeout', '300ms'])
  await program.says(READY)
  await signalled(redis.pid, async () => {
    program.child.kill('SIGTERM')
    const { code, stderr } = await program.ended
    assert.equal(code, 2, stderr)
    assert.match(stderr, /the stop took too long/)
  })
})

test('a second signal forces the stop with exit code 2', needs('redis'), async () => {
  await using redis = await freshRedis()
  await using program = start([...ARGS, '--redis-url', redis.url, '--stop-timeout', '5m'])
  await program.says(READY)
  await signalled(redis.pid, async () => {
    program.child.kill('SIGTERM')
    await program.says(/stopping: draining/)
    // A signal right behind the first is the same Ctrl-C, delivered by the terminal and by npm: ask until one counts.
    const repeat = setInterval(() => program.child.kill('SIGTERM'), 100)
    const { code, stderr } = await program.ended.finally(() => clearInterval(repeat))
    assert.equal(code, 2, stderr)
    assert.match(stderr, /SIGTERM came a second time/)
  })
})

test(
  'a metrics port that is taken stops the start with exit code 73, never a silent move',
  needs('redis'),
  async () => {
    await using redis = await freshRedis()
    const port = String(await freePort())
    const args = ['ingester', '--relay-hosts', 'http://127.0.0.1:9', '--redis-url', redis.url]
    await using first = start([...args, '--ingester-metrics-port', port])
    await first.says(READY)
    await using second = start([...args, '--ingester-metrics-port', port])
    const { code, stderr } = await second.ended
    assert.equal(code, 73, stderr)
    assert.match(stderr, new RegExp(`${port} is already taken.*--ingester-metrics-port`))
  },
)
