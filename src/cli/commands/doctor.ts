/** `millrace doctor`: gathers, judges, reports. Reads only, from everything it is pointed at. */
import type { Context, Run } from '../context.ts'
import { examinationsOf } from '../doctor/examinations.ts'
import { drawReport } from '../doctor/draw.ts'
import { exitCodeOf, makeReport } from '../doctor/finding.ts'
import { runExaminations } from '../doctor/groups.ts'
import { answerTimeoutMs, once, type Patient } from '../doctor/patient.ts'
import { askRedis } from '../doctor/redis/examine.ts'
import { readServices, readUpstreamHosts } from '../doctor/services/facts.ts'
import { createWatch } from '../doctor/watch.ts'

const admit = ({ settings, environment, version, signal }: Context): Patient => {
  const bounds = { signal, timeoutMs: answerTimeoutMs(settings) }
  const services = once(() => readServices(settings.services, bounds))
  const upstreamHosts = () => readUpstreamHosts(settings.services, bounds)
  const redis = once(() => askRedis({ settings, environment, signal, upstreamHosts }))
  return { settings, environment, version, signal, services, redis }
}

export const doctor: Run = async (context) => {
  const { settings } = context
  const watch = createWatch(process.stderr)
  const examinations = examinationsOf(admit(context))
  const groups = await runExaminations(examinations, settings.probeTimeoutMs, watch.see)
  watch.end()
  const report = makeReport(context.version, groups)
  context.answer(settings.json ? JSON.stringify(report, null, 2) : drawReport(report))
  return exitCodeOf(report)
}
