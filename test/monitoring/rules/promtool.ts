/** Cases as promtool's own test files, run by the real promtool, and what it says of each. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { promtoolBinary } from '../../harness/services.ts'
import type { AlertCase, Input, RecordingCase, Samples } from './case.ts'

export type Rule = {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
}

type Check = { readonly expr: string; readonly eval_time: string; readonly exp_samples: readonly object[] }
type TestGroup = {
  readonly interval: string
  readonly input_series: readonly object[]
  readonly promql_expr_test: readonly Check[]
}

/** Rules with the tests about them: one file of each. */
export type Suite = {
  readonly rules: readonly Rule[]
  readonly step: number
  readonly tests: readonly TestGroup[]
}

const STEP = 15

/** Runs of equal samples are short in promtool's notation: `5x3` is four times 5. */
const notation = (samples: Samples): string => {
  const runs: { value: number | null; times: number }[] = []
  for (const value of samples) {
    const last = runs.at(-1)
    if (last && last.value === value) last.times += 1
    else runs.push({ value, times: 1 })
  }
  return runs
    .map(({ value, times }) => {
      if (value === null) return `_x${times}`
      const text = Number.isFinite(value)
        ? `${value}`
        : Number.isNaN(value)
          ? 'NaN'
          : value > 0
            ? 'Inf'
            : '-Inf'
      return times === 1 || !Number.isFinite(value)
        ? Array.from({ length: times }, () => text).join(' ')
        : `${text}x${times - 1}`
    })
    .join(' ')
}

const inputSeries = (input: Input) =>
  Object.entries(input).map(([series, samples]) => ({ series, values: notation(samples) }))

const seconds = (minutes: number): string => `${Math.round(minutes * 60)}s`

/** `name`: the alert, or a mutant of it. */
export const alertTest = (each: AlertCase, name = each.alert): TestGroup => {
  const expr = `ALERTS{alertname="${name}", alertstate="firing"}`
  const sets = typeof each.labels === 'string' ? [each.labels] : (each.labels ?? [])
  const firing = sets.map((labels) => ({
    labels: `ALERTS{alertname="${name}", alertstate="firing", ${labels}}`,
    value: 1,
  }))
  return {
    interval: `${each.step ?? STEP}s`,
    input_series: inputSeries(each.input),
    promql_expr_test: [
      ...(each.fires ?? []).map((at) => ({ expr, eval_time: seconds(at), exp_samples: firing })),
      ...(each.silent ?? []).map((at) => ({ expr, eval_time: seconds(at), exp_samples: [] })),
    ],
  }
}

export const recordingTest = (each: RecordingCase, name = each.record): TestGroup => ({
  interval: `${each.step ?? STEP}s`,
  input_series: inputSeries(each.input),
  promql_expr_test: Object.entries(each.at).map(([at, samples]) => ({
    // promtool compares to the last bit.
    expr: `round(${name}, 0.0001)`,
    eval_time: seconds(Number(at)),
    exp_samples: Object.entries(samples).map(([labels, value]) => ({
      labels,
      value,
    })),
  })),
})

/** Several names tested on the same input become one group, so that the input is loaded once. */
export const joined = (groups: readonly TestGroup[]): TestGroup[] => {
  const [first] = groups
  if (!first) return []
  return [{ ...first, promql_expr_test: groups.flatMap((group) => group.promql_expr_test) }]
}

/** Runs all suites in one promtool; resolves with its complaints, '' when there is none. */
export const promtoolTest = async (suites: readonly Suite[]): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-rules-'))
  try {
    const files = await Promise.all(suites.map((suite, index) => writeSuite(folder, index, suite)))
    const promtool = await promtoolBinary()
    return await new Promise((resolve, reject) => {
      const options = { maxBuffer: 256 * 1024 * 1024 }
      execFile(promtool, ['test', 'rules', ...files], options, (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(new Error(error.message))
        else resolve(error ? failuresOf(`${stderr}${stdout}`) : '')
      })
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Without the names of files that are well. */
const failuresOf = (said: string): string =>
  said.replaceAll(/^(Unit Testing:.*|\s*SUCCESS|\s*FAILED:)?\n/gm, '')

const writeSuite = async (folder: string, index: number, suite: Suite): Promise<string> => {
  const rules = join(folder, `rules-${index}.yml`)
  const test = join(folder, `test-${index}.yml`)
  await writeFile(rules, stringify({ groups: [{ name: 'under test', rules: suite.rules }] }))
  await writeFile(
    test,
    stringify({ rule_files: [rules], evaluation_interval: `${suite.step}s`, tests: suite.tests }),
  )
  return test
}

/** Exactly `names` fire at `minute`, machinery apart. */
export const firingTest = (input: Input, names: readonly string[], minute: number): TestGroup => ({
  interval: `${STEP}s`,
  input_series: inputSeries(input),
  promql_expr_test: [
    {
      expr: 'group by (alertname) (ALERTS{alertstate="firing", severity!="none"})',
      eval_time: seconds(minute),
      exp_samples: names.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
    },
  ],
})
