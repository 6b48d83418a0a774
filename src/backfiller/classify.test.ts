import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CarError, type CarErrorReason } from '../atproto/car.ts'
import { MstError } from '../atproto/mst.ts'
import { RepoError, type RepoErrorReason } from '../atproto/repo.ts'
import {
  asRepoFailure,
  classifyAnswer,
  classifyRepoState,
  FAILURE_REASONS,
  RepoFailure,
  SKIP_REASONS,
  VERDICTS,
  type FailureReason,
  type Reaction,
} from './classify.ts'

const REACTIONS: Readonly<Record<Reaction, readonly FailureReason[]>> = {
  skip: [
    'did_not_found',
    'did_tombstoned',
    'did_unsupported',
    'no_pds',
    'repo_not_found',
    'repo_deactivated',
    'repo_takendown',
    'repo_suspended',
  ],
  retry: [
    'did_document_invalid',
    'no_signing_key',
    'interrupted',
    'too_slow',
    'http_3xx',
    'http_4xx',
    'http_5xx',
    'not_a_car',
    'truncated_car',
    'bad_car',
    'cid_mismatch',
    'missing_block',
    'bad_mst',
    'bad_commit',
    'did_mismatch',
    'bad_signature',
    'unexpected',
  ],
  bury: ['too_large'],
  wait: ['rate_limited'],
  hold: ['did_unavailable', 'host_down', 'unreachable', 'timeout'],
}

for (const [reaction, reasons] of Object.entries(REACTIONS)) {
  for (const reason of reasons) {
    test(`${reason} leads to: ${reaction}`, () => assert.equal(VERDICTS[reason].reaction, reaction))
  }
}

test('every reason is judged above, and once', () => {
  assert.deepEqual(Object.values(REACTIONS).flat().toSorted(), FAILURE_REASONS.toSorted())
  assert.deepEqual(SKIP_REASONS.toSorted(), REACTIONS.skip.toSorted())
})

test('a fresh DID document is asked for exactly where a stale one could be the cause', () => {
  assert.deepEqual(
    FAILURE_REASONS.filter((reason) => VERDICTS[reason].refresh).toSorted(),
    [
      'no_pds',
      'no_signing_key',
      'host_down',
      'unreachable',
      'http_3xx',
      'http_4xx',
      'not_a_car',
      'repo_not_found',
      'repo_deactivated',
      'repo_takendown',
      'repo_suspended',
      'did_mismatch',
      'bad_signature',
    ].toSorted(),
  )
})

test('an inactive account is told to the indexer, a repo that is nowhere is not', () => {
  assert.equal(VERDICTS.repo_deactivated.account, 'deactivated')
  assert.equal(VERDICTS.repo_takendown.account, 'takendown')
  assert.equal(VERDICTS.repo_suspended.account, 'suspended')
  assert.equal(FAILURE_REASONS.filter((reason) => VERDICTS[reason].account !== null).length, 3)
})

test('what failed is counted by the stage it failed in; a skip failed in none', () => {
  for (const reason of FAILURE_REASONS) {
    assert.equal(VERDICTS[reason].stage === null, VERDICTS[reason].reaction === 'skip', reason)
  }
})

const ANSWERS: readonly [
  status: number,
  contentType: string | null,
  error: string | null,
  reason: FailureReason | null,
][] = [
  [200, 'application/vnd.ipld.car', null, null],
  [200, null, null, null],
  [200, 'application/octet-stream', null, null],
  [200, 'text/html; charset=utf-8', null, 'not_a_car'],
  [200, 'application/json', null, 'not_a_car'],
  [204, null, null, 'not_a_car'],
  [302, null, null, 'http_3xx'],
  [400, 'application/json', 'RepoNotFound', 'repo_not_found'],
  [404, 'application/json', 'RepoNotFound', 'repo_not_found'],
  [400, 'application/json', 'RepoDeactivated', 'repo_deactivated'],
  [400, 'application/json', 'RepoTakendown', 'repo_takendown'],
  [400, 'application/json', 'RepoSuspended', 'repo_suspended'],
  [400, 'application/json', 'InvalidRequest', 'http_4xx'],
  [400, 'application/json', 'toString', 'http_4xx'],
  [401, 'application/json', 'AuthMissing', 'http_4xx'],
  [404, 'text/html', null, 'http_4xx'],
  [429, 'application/json', 'RateLimitExceeded', 'rate_limited'],
  [500, 'text/plain', null, 'http_5xx'],
  [501, 'application/json', 'MethodNotImplemented', 'http_5xx'],
  [502, 'text/html', null, 'http_5xx'],
  [503, null, null, 'http_5xx'],
]

for (const [status, contentType, error, reason] of ANSWERS) {
  test(`an answer ${status} ${contentType ?? 'without type'} ${error ?? ''} is ${reason ?? 'a CAR'}`, () => {
    assert.equal(classifyAnswer({ status, contentType, error }), reason)
  })
}

test('the states that getRepoStatus names are those that getRepo names', () => {
  assert.equal(classifyRepoState('takendown'), 'repo_takendown')
  assert.equal(classifyRepoState('suspended'), 'repo_suspended')
  assert.equal(classifyRepoState('deactivated'), 'repo_deactivated')
  assert.equal(classifyRepoState('deleted'), 'repo_not_found')
  assert.equal(classifyRepoState('throttled'), null)
  assert.equal(classifyRepoState(null), null)
})

const CARS: Readonly<Record<CarErrorReason, FailureReason>> = {
  truncated: 'truncated_car',
  bad_header: 'bad_car',
  bad_cid: 'bad_car',
  cid_mismatch: 'cid_mismatch',
  too_large: 'too_large',
}

for (const [car, reason] of Object.entries(CARS)) {
  test(`a CAR that is ${car} is ${reason}`, () => {
    const cause = new CarError(car as CarErrorReason, 'x')
    assert.equal(asRepoFailure(new RepoError('car', 'x', cause)).reason, reason)
  })
}

const REPOS: Readonly<Record<RepoErrorReason, FailureReason>> = {
  car: 'bad_car',
  too_large: 'too_large',
  commit: 'bad_commit',
  did_mismatch: 'did_mismatch',
  bad_signature: 'bad_signature',
  mst: 'bad_mst',
  missing_record: 'missing_block',
}

for (const [repo, reason] of Object.entries(REPOS)) {
  test(`a repo with ${repo} is ${reason}`, () => {
    assert.equal(asRepoFailure(new RepoError(repo as RepoErrorReason, 'x')).reason, reason)
  })
}

test('a tree with a missing node is a missing block, a failure keeps its reason, and a bug is "unexpected"', () => {
  const cause = new MstError('missing_node', 'x')
  assert.equal(asRepoFailure(new RepoError('mst', 'x', cause)).reason, 'missing_block')
  const failure = new RepoFailure('too_slow', 'x')
  assert.equal(asRepoFailure(failure), failure)
  assert.equal(asRepoFailure(new RangeError('x')).reason, 'unexpected')
})
