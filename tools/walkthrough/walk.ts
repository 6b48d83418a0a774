/** The walk: every section of the document in its order, on one fleet. */
import { checklist, reference } from './checklist.ts'
import { alerts, dashboardQueries, dashboards, metricTables } from './figures.ts'
import type { Fleet } from './fleet.ts'
import { faultsOf, takeStep, type Step, type Walked } from './step.ts'
import { stir } from './stir.ts'
import { trees } from './troubleshooting.ts'

export type Section = { readonly title: string; readonly steps: readonly Step[] }

const [down = [], still = [], noData = [], next = []] = trees

export const SECTIONS: readonly Section[] = [
  { title: 'Quick Reference and Current Status', steps: reference },
  { title: 'Quick Deployment Checklist', steps: checklist },
  { title: 'Available Metrics', steps: metricTables },
  { title: 'Grafana Dashboard Queries', steps: dashboardQueries },
  { title: 'Monitoring Dashboards', steps: dashboards },
  { title: 'Alerting Rules', steps: alerts },
  { title: 'Troubleshooting: DOWN', steps: down },
  { title: 'Troubleshooting: not updating', steps: still },
  { title: 'Troubleshooting: No Data', steps: noData },
  { title: 'Next', steps: next },
]

export const walk = async (fleet: Fleet, say: (text: string) => void = () => {}): Promise<Walked[]> => {
  const startedMs = Date.now()
  await stir(fleet)
  const walked: Walked[] = []
  for (const step of SECTIONS.flatMap(({ steps }) => steps)) {
    const taken = await takeStep(step, fleet)
    walked.push(taken)
    say(
      [`${Math.round((Date.now() - startedMs) / 1_000)} s: ${step.heading}`, ...faultsOf([taken])].join(
        '\n  FAULT ',
      ),
    )
  }
  return walked
}
