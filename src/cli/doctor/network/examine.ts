/** Can relays, labelers and the PLC directory be reached from here? Asks each one question; only when asked to. */
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { ask, isAnswer, type Asked } from '../http.ts'
import { answerTimeoutMs, type Patient } from '../patient.ts'
import { secondsText } from '../words.ts'

type Host = { readonly kind: 'relay' | 'labeler' | 'directory'; readonly name: string; readonly url: string }

const base = (host: string): string =>
  (/^[a-z]+:\/\//i.test(host) ? host.replace(/^ws/i, 'http') : `https://${host}`).replace(/\/+$/, '')

const PATHS: Readonly<Record<Host['kind'], string>> = {
  relay: '/xrpc/com.atproto.sync.listRepos?limit=1',
  labeler: '/xrpc/com.atproto.label.queryLabels?uriPatterns=*&limit=1',
  directory: '/_health',
}

/** Those that the running services use; else those of the settings. */
const hostsOf = async ({ settings, services }: Patient): Promise<Host[]> => {
  const upstreams = (await services()).flatMap(({ status }) => status?.upstreams ?? [])
  const running = (kind: string) => upstreams.filter((one) => one.kind === kind).map(({ host }) => host)
  const relays = running('firehose').length > 0 ? running('firehose') : settings.relayHosts
  const labelers = running('labels').length > 0 ? running('labels') : settings.labelerHosts
  return [
    ...[...new Set(relays)].map((name) => ({ kind: 'relay' as const, name, url: base(name) })),
    ...[...new Set(labelers)].map((name) => ({ kind: 'labeler' as const, name, url: base(name) })),
    { kind: 'directory' as const, name: settings.plcUrl, url: base(settings.plcUrl) },
  ]
}

export const examineNetwork = async (patient: Patient): Promise<Finding[]> => {
  if (!patient.settings.network)
    return [
      info('network.not_asked', 'Relays, labelers and the PLC directory were not asked.', {
        fix: 'millrace doctor --network',
      }),
    ]
  const bounds = { signal: patient.signal, timeoutMs: answerTimeoutMs(patient.settings) }
  const hosts = await hostsOf(patient)
  const answers = await Promise.all(hosts.map(({ kind, url }) => ask(`${url}${PATHS[kind]}`, bounds)))
  return hosts.flatMap((host, i) => {
    const answer = answers[i]
    return answer === undefined ? [] : [checkHost(host, answer), ...checkClock(host, answer)]
  })
}

const WHY: Readonly<Record<Host['kind'], string>> = {
  relay: 'Nothing comes in, live or in backfill, while it stays so; a relay forgets after about three days.',
  labeler: 'Its labels are missing from the AppView until it is back.',
  directory: 'Identities cannot be resolved: no repository can be verified and no handle is known.',
}

/** A labeler or directory may refuse the question and still be well: any answer below 500 shows that it is there. */
export const checkHost = ({ kind, name, url }: Host, answer: Asked): Finding => {
  const fix = `curl -v '${url}${PATHS[kind]}'   # DNS, proxy, firewall? is it down for others, too?`
  if (!isAnswer(answer))
    return error(`network.${kind}`, `The ${kind} ${name} cannot be reached: ${answer.reason}.`, {
      why: WHY[kind],
      fix,
    })
  const isWell = kind === 'relay' ? answer.status === 200 : answer.status < 500
  const text = `The ${kind} ${name} answers ${answer.status} in ${secondsText(answer.seconds)}.`
  return isWell ? ok(`network.${kind}`, text) : warning(`network.${kind}`, text, { why: WHY[kind], fix })
}

const checkClock = ({ name }: Host, answer: Asked): Finding[] => {
  const skew = isAnswer(answer) ? answer.clockSkewSeconds : null
  if (skew === null || Math.abs(skew) < 5) return []
  return [
    warning(
      'network.clock',
      `The clock here is ${secondsText(Math.abs(skew))} ${skew > 0 ? 'behind' : 'ahead of'} that of ${name}.`,
      {
        why: 'Freshness compares the time of events with this clock.',
        fix: 'timedatectl set-ntp true',
      },
    ),
  ]
}
