import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/config/setting.ts'
import { rowsOf } from '../../src/cli/config/settings.ts'
import { run } from './program.ts'

test('without a command the program teaches its commands and exit codes', async () => {
  const { code, stdout } = await run([])
  assert.equal(code, 0)
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command} `, 'm'))
  assert.match(stdout, /Exit codes:/)
})

test('--help of each command shows every flag it takes, examples and exit codes', async () => {
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await run([command, '--help'])
    assert.deepEqual([code, stderr], [0, ''])
    for (const { flag } of rowsOf(command)) assert.ok(stdout.includes(`--${flag} `), `${command} --${flag}`)
    assert.match(stdout, new RegExp(`Examples:\n  millrace ${command}`))
  }
})

test('--version answers with the version of the package and its commit', async () => {
  const { code, stdout } = await run(['--version'])
  assert.equal(code, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+(\+[0-9a-f]{7})?\n$/)
})

type Refusal = readonly [args: string[], env: Record<string, string>, says: RegExp]
const REFUSALS: readonly Refusal[] = [
  [['demmo'], {}, /^millrace: unknown command 'demmo'. Did you mean demo\?\n$/],
  [['up', '--relay-host', 'x'], {}, /unknown option '--relay-host'. Did you mean --relay-hosts\?/],
  [['up', '--relay-hosts'], {}, /argument missing/],
  [['up', 'now'], {}, /too many arguments/],
  [['up', '--stop-timeout', 'later'], {}, /--stop-timeout is "later". Write a time from 100ms to 1h/],
  [['up'], { MILLRACE_REDIS_URI: 'x' }, /MILLRACE_REDIS_URI is not a setting. Write MILLRACE_REDIS_URL;/],
  [
    ['ingester'],
    { INGESTER_MODE: 'x' },
    /INGESTER_MODE is "x". Write one of all, firehose, backfill, labeler./,
  ],
]

test('a wrong command line or setting ends with exit code 64 and one sentence that says what to write', async () => {
  for (const [args, env, says] of REFUSALS) {
    const { code, stdout, stderr } = await run(args, env)
    assert.equal(code, 64, args.join(' '))
    assert.match(stderr, says)
    assert.equal(stderr.trim().split('\n').length, 1)
    assert.equal(stdout, '')
  }
})

test('a password in a setting that is refused is not printed', async () => {
  const { code, stderr } = await run(['indexer'], { DATABASE_URL: 'mysql://me:hunter2@db/x' })
  assert.equal(code, 64)
  assert.doesNotMatch(stderr, /hunter2/)
})
