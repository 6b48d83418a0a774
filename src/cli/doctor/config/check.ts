/** Judges the settings as each service would resolve them from this environment. Pure. */
import { SetupError } from '../../../lib/errors.ts'
import {
  nearestName,
  resolveSettings,
  unknownNames,
  withoutEffect,
  type Environment,
} from '../../config/resolve.ts'
import type { CommandName } from '../../config/setting.ts'
import type { Settings } from '../../config/settings.ts'
import { error, info, ok, warning, type Finding } from '../finding.ts'

const SERVICES = ['ingester', 'backfiller', 'indexer'] as const satisfies readonly CommandName[]
export type Resolved = Partial<Record<(typeof SERVICES)[number], Settings>>

const withoutUnknown = (environment: Environment): Environment => {
  const unknown = new Set(unknownNames(environment))
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !unknown.has(name)))
}

/** The settings of each service; a service whose settings do not resolve is left out. */
export const resolveAll = (environment: Environment): Resolved => {
  const clean = withoutUnknown(environment)
  return Object.fromEntries(
    SERVICES.flatMap((service) => {
      try {
        return [[service, resolveSettings(service, {}, clean)]]
      } catch {
        return []
      }
    }),
  )
}

export const checkConfig = (environment: Environment): Finding[] => {
  const resolved = resolveAll(environment)
  const findings = [
    ...unknownNames(environment).map(sayUnknown),
    ...refusals(withoutUnknown(environment)),
    ...checkValues(resolved),
  ]
  const ignored = withoutEffect(environment).map(({ name, reason }) =>
    info('config.without_effect', `${name} is set and changes nothing here: ${reason}.`),
  )
  const services = Object.keys(resolved).join(', ')
  return findings.length > 0
    ? [...findings, ...ignored]
    : [ok('config.resolves', `The environment here is one that ${services} would start with.`), ...ignored]
}

const sayUnknown = (name: string): Finding => {
  const near = nearestName(name)
  return error('config.unknown', `${name} is not a setting.`, {
    why: 'A service with this environment refuses to start (exit code 64), so that a misspelt setting is never silently its default.',
    fix: near === null ? `unset ${name}` : `export ${near}="$${name}"; unset ${name}`,
  })
}

const refusals = (environment: Environment): Finding[] => {
  const messages = new Map<string, Finding>()
  for (const service of SERVICES) {
    try {
      resolveSettings(service, {}, environment)
    } catch (cause) {
      if (!(cause instanceof SetupError)) throw cause
      const finding = error('config.value', `${cause.message}.`, {
        why: `The ${service} refuses to start with it (exit code 64).`,
        fix: cause.remedy,
      })
      messages.set(cause.message, finding)
    }
  }
  return [...messages.values()]
}

const checkValues = ({ ingester, backfiller, indexer }: Resolved): Finding[] => {
  const findings: Finding[] = []
  if (backfiller?.skipSignatureVerification)
    findings.push(
      warning(
        'config.unverified',
        'Commit signatures are not verified (BACKFILLER_SKIP_SIGNATURE_VERIFICATION).',
        {
          why: 'Whoever can answer for a server of accounts can put anything into anybody’s repository.',
          fix: 'unset BACKFILLER_SKIP_SIGNATURE_VERIFICATION MILLRACE_SKIP_SIGNATURE_VERIFICATION',
        },
      ),
    )
  if (indexer && ingester && indexer.redisUrl !== ingester.redisUrl)
    findings.push(
      error('config.redis_differs', 'Ingester and indexer would use different Redis servers.', {
        why: 'What one writes the other never reads.',
        fix: 'export REDIS_URL=redis://<host>:6379   # one for all of them',
      }),
    )
  if (backfiller && indexer && !indexer.indexerStreams.includes(backfiller.backfillerOutputStream))
    findings.push(
      warning(
        'config.streams',
        `The backfiller writes to ${backfiller.backfillerOutputStream}, which the indexer does not read (${indexer.indexerStreams.join(', ')}).`,
        {
          why: 'Unless another indexer reads it, backfilled records pile up until the high-water mark stops the backfill.',
          fix: `export INDEXER_STREAMS=${[...indexer.indexerStreams, backfiller.backfillerOutputStream].join(',')}`,
        },
      ),
    )
  return findings
}
