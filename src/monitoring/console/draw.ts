/**
 * The console in the browser: draws what samples.ts made. Served as its own source like it, so only exported functions exist
 * there. Guarantees: everything from a status is set as text, never as markup; what did not change is not touched, so that
 * a sentence can be selected and copied.
 */
import type { ServiceView, StreamStatus, UpstreamStatus } from '../status.ts'
import type { Page, PageElement } from './dom.ts'
import {
  ageWords,
  clockWords,
  compactNumber,
  type Finding,
  findingsOf,
  headline,
  isTrouble,
  mergeStreams,
  type Sample,
  sampleOf,
  type Snapshot,
  withSample,
  wordsOf,
} from './samples.ts'
import { drawPlot, type Panel } from './plot.ts'

declare const document: Page
declare const window: { addEventListener(type: string, listener: () => void): void }

type Child = PageElement | string

export const element = (tag: string, className: string, ...children: Child[]): PageElement => {
  const made = document.createElement(tag)
  made.className = className
  made.append(...children)
  return made
}

/** Fills the element `id`, unless it already shows just that. */
export const show = (id: string, ...children: Child[]): void => {
  const old = document.getElementById(id)
  const fresh = old.cloneNode(false)
  fresh.append(...children)
  if (!old.isEqualNode(fresh)) old.replaceChildren(...children)
}

export const showVerdict = (level: string, title: string, findings: readonly Finding[]): void => {
  document.getElementById('verdict').className = `verdict ${level}`
  document.title = `${level === 'ok' ? '' : '⚠ '}${title} – Millrace`
  show('headline', title)
  const line = ({ level: kind, where, what }: Finding) =>
    element('li', kind, element('b', '', where), element('span', '', what))
  show('findings', ...findings.slice(0, 6).map(line))
}

export const serviceCard = (view: ServiceView, samples: readonly Sample[], now: number): PageElement => {
  const { status, health } = view
  const level = !health.live || !health.ready ? 'bad' : 'ok'
  const word = !health.live ? 'stuck' : health.ready ? 'working' : 'not ready'
  const name = element('h3', '', status?.service ?? 'unknown service')
  const head = element('header', '', name, element('span', `state ${level}`, word))
  if (status === null) return element('article', 'card', head)
  const age = ageWords((now - Date.parse(status.startedAt)) / 1000)
  const about = element('p', 'about', `${status.version} · ${status.store} store · up ${age}`)
  const rows = Object.entries(status.totals).map(([key, total]) => {
    const name = `${status.service} ${wordsOf(key)}`
    const recent = isTrouble(key) && samples.some(({ values }) => (values[`errors|${name}`] ?? 0) > 0)
    const rate = samples.at(-1)?.values[`throughput|${name}`]
    const figures = element('td', 'rate', rate === undefined ? '' : `${compactNumber(rate)}/s`)
    const row = [element('td', '', wordsOf(key)), element('td', 'total', compactNumber(total)), figures]
    return element('tr', recent ? 'trouble' : '', ...row)
  })
  return element(
    'article',
    `card ${status.service}`,
    head,
    about,
    element('table', '', element('tbody', '', ...rows)),
  )
}

export const upstreamRow = (service: string, upstream: UpstreamStatus): PageElement => {
  const quiet = {
    live: 'ok',
    done: 'ok',
    stopped: 'off',
    paused: 'warn',
    connecting: 'warn',
    waiting: 'warn',
  }
  const level = quiet[upstream.state]
  const since = upstream.secondsSinceData
  const facts = [
    since === null ? 'no data yet' : `data ${ageWords(since)} ago`,
    upstream.cursor === null ? 'no cursor yet' : `cursor ${upstream.cursor}`,
    ...(upstream.reconnects > 0 ? [`${compactNumber(upstream.reconnects)} reconnects`] : []),
  ]
  const head = element(
    'div',
    'line',
    element('b', '', upstream.host),
    element('span', `state ${level}`, upstream.state),
  )
  const row = element(
    'li',
    '',
    head,
    element('p', 'about', `${service} · ${upstream.kind} · ${facts.join(' · ')}`),
  )
  if (upstream.lastError !== null)
    row.append(element('p', `error ${level}`, `Last error: ${upstream.lastError}`))
  return row
}

export const streamRow = (stream: StreamStatus): PageElement => {
  const share = stream.highWaterMark ? Math.min(1, stream.length / stream.highWaterMark) : 0
  const fill = element('i', share >= 0.8 ? 'full' : '')
  fill.style.setProperty('width', `${(share * 100).toFixed(1)}%`)
  const mark = stream.highWaterMark === null ? 'no mark' : `of ${compactNumber(stream.highWaterMark)}`
  const figure = (label: string, value: string) => {
    const cell = element('td', 'figure', value)
    cell.setAttribute('data-label', label)
    return cell
  }
  const unknown = stream.group === null ? '–' : 'unknown'
  return element(
    'tr',
    '',
    element('th', '', stream.stream),
    figure('entries', compactNumber(stream.length)),
    figure('not delivered', stream.lag === null ? unknown : compactNumber(stream.lag)),
    figure('pending', stream.pending === null ? unknown : compactNumber(stream.pending)),
    figure('oldest', ageWords(stream.oldestAgeSeconds)),
    element('td', 'mark', element('div', 'meter', fill), element('span', '', mark)),
  )
}

export const problemRows = (services: readonly ServiceView[]): PageElement[] =>
  services
    .flatMap(({ status }) =>
      (status?.problems ?? []).map((problem) => ({ ...problem, service: status?.service ?? '' })),
    )
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at))
    .slice(0, 12)
    .map(({ at, severity, service, what, todo }) => {
      const level = { error: 'bad', warning: 'warn', info: 'off' }[severity]
      const head = element('div', 'line', element('span', `state ${level}`, severity), element('b', '', what))
      return element(
        'li',
        level,
        head,
        element('p', '', todo),
        element('p', 'about', `${clockWords(Date.parse(at))} · ${service}`),
      )
    })

export const showSnapshot = (snapshot: Snapshot, samples: readonly Sample[]): void => {
  const { services } = snapshot
  const now = Date.parse(snapshot.at)
  const findings = findingsOf(snapshot)
  const level =
    findings.length === 0 && services.length > 0
      ? 'ok'
      : findings.some((f) => f.level === 'bad')
        ? 'bad'
        : 'warn'
  showVerdict(level, headline(findings, services), findings)
  show('services', ...services.map((view) => serviceCard(view, samples, now)))
  const upstreams = services.flatMap(({ status }) =>
    (status?.upstreams ?? []).map((upstream) => upstreamRow(status?.service ?? '', upstream)),
  )
  show(
    'upstreams',
    ...(upstreams.length > 0 ? upstreams : [element('li', 'none', 'No upstream is configured.')]),
  )
  show('streams', ...mergeStreams(services).map(streamRow))
  const problems = problemRows(services)
  show('problems', ...(problems.length > 0 ? problems : [element('li', 'none', 'None since the start.')]))
  show('asof', `as of ${clockWords(now)}`)
}

/** Looks every `everyMs`, keeps ten minutes, and says so when nobody answers any more. */
export const main = async (everyMs: number, panels: readonly Panel[]): Promise<void> => {
  let samples: Sample[] = []
  let last: Snapshot | null = null
  const redraw = () => {
    for (const panel of panels) drawPlot(document, panel, samples)
  }
  window.addEventListener('resize', redraw)
  for (const panel of panels) {
    const place = document.getElementById(panel.id)
    const point = (x: number | null) => {
      panel.pointerX = x
      drawPlot(document, panel, samples)
    }
    place.addEventListener('pointermove', ({ clientX }) =>
      point(clientX - place.getBoundingClientRect().left),
    )
    place.addEventListener('pointerleave', () => point(null))
  }
  for (;;) {
    try {
      const response = await fetch('status/all', { signal: AbortSignal.timeout(8_000), cache: 'no-store' })
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      const next = (await response.json()) as Snapshot
      samples = withSample(samples, sampleOf(next, last), 600_000)
      last = next
      showSnapshot(next, samples)
    } catch {
      const since =
        last === null ? 'It has not answered yet.' : `Last answer at ${clockWords(Date.parse(last.at))}.`
      const what = `${since} Is the process running? What is below is what it said last.`
      showVerdict('bad', 'No answer from Millrace', [{ level: 'bad', where: 'this page', what }])
    }
    redraw()
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
