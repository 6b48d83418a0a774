/** Writes down a walk as docs/seed-walkthrough.md. Refuses to name the machine it was made on. */
import { homedir, hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { INDEXERS } from './fleet.ts'
import type { Answer, Table, Walked } from './step.ts'
import { SECTIONS } from './walk.ts'

const INTRODUCTION = `# The seed's document, walked through

<!-- Made by \`node tools/walkthrough.ts\` from a run on real services; the figures are those of that run. Do not edit. -->

The monitoring document that Millrace was made for, section by section: what it says, the command, and the output that the command
gave. The services are the programs of this project, ${INDEXERS} of the six indexers among them; Redis, PostgreSQL, Prometheus, Alertmanager and the two exporters
are the real ones; the network is the [sandbox](sandbox.md), which damages some repositories so that errors have something to count.

What is different from a deployment with containers, and nothing else:

- Programs run side by side on one machine, on whatever ports are free. The names and ports in the commands and in \`prometheus.yml\`
  (\`localhost:9091\`, \`ingester:4100\`) are those of [compose.yaml](../compose.yaml); an HTTP proxy leads each to its program.
- \`docker ps\` becomes \`ps\`, \`docker exec … curl\` becomes \`curl\`, \`docker exec prometheus wget\` becomes \`wget\` by the name that Prometheus uses.
- Prometheus runs with \`monitoring/prometheus.yml\`: jobs, labels, rules and Alertmanager as they are, plus \`proxy_url\`; it scrapes and evaluates every 5 s, and
  leaves out the four indexers that do not run.

\`$FLEET\` is the process that started the services, \`$LOGS\` the folder with what each of them said. Long output is shown in part, and says so. A test makes the same walk and asks the same of every answer.
`

const shownOf = ({ command, output }: Answer): string => {
  const lines = output.trimEnd().split('\n')
  const limit = command.lines ?? 60
  const rest = lines.length - limit
  return rest > 0 ? [...lines.slice(0, limit), `[… ${rest} more lines]`].join('\n') : lines.join('\n')
}

const answerText = (answer: Answer): string => {
  const { run, inPlaceOf } = answer.command
  const instead = inPlaceOf === undefined ? '' : `In place of \`${inPlaceOf}\`:\n\n`
  return `${instead}\`\`\`sh\n${run}\n\`\`\`\n\n\`\`\`text\n${shownOf(answer)}\n\`\`\`\n`
}

const tableText = ({ head, rows }: Table): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n') + '\n'

const stepText = ({ step, answers, table }: Walked): string =>
  [
    `### ${step.heading}\n`,
    `> ${step.seed}\n`,
    ...(step.text === undefined ? [] : [`${step.text}\n`]),
    ...(table === null ? [] : [tableText(table)]),
    ...answers.map(answerText),
  ].join('\n')

const PRIVATE = [join(import.meta.dirname, '../..'), tmpdir(), homedir()].filter((path) => path.length > 1)

/** What in this text belongs to the machine and not to the project. */
export const privateIn = (text: string): string[] => [
  ...PRIVATE.filter((path) => text.includes(`${path}/`)),
  ...(text.split(/[^\w.-]+/).includes(hostname()) ? [hostname()] : []),
  ...(text.match(/127\.0\.0\.1:\d+/g) ?? []),
]

export const pageOf = (walked: readonly Walked[]): string => {
  const textOf = (heading: string) => walked.filter(({ step }) => step.heading === heading).map(stepText)
  const sections = SECTIONS.map(({ title, steps }) =>
    [`## ${title}\n`, ...steps.flatMap(({ heading }) => textOf(heading))].join('\n'),
  )
  return [INTRODUCTION, ...sections].join('\n')
}
