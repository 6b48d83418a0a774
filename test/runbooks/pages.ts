/** A runbook as its tests see it: title, first sentence, sections, blocks of commands and queries. Judges nothing. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const FOLDER = join(import.meta.dirname, '../../docs/runbooks')

/** In this order, in every page. */
export const SECTIONS = [
  'What users feel',
  'Confirm',
  'Causes, most likely first',
  'What to do',
  'When it is over',
  'Prevent',
] as const

export type Block = {
  readonly language: string
  readonly text: string
  /** The heading it stands under. */
  readonly section: string
}

export type Page = {
  readonly name: string
  readonly text: string
  readonly title: string
  readonly meaning: string
  readonly sections: readonly { readonly heading: string; readonly body: string }[]
  readonly blocks: readonly Block[]
}

const FENCE = /^```(\w*)\n([^]*?)^```$/gm

/** A comment in a block begins like a heading: what is fenced is looked at with its lines set in. */
const sectionsOf = (text: string): Page['sections'] => {
  const safe = text.replaceAll(FENCE, (block) => block.replaceAll(/^#/gm, ' #'))
  return safe
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [heading = '', ...rest] = part.split('\n')
      return { heading, body: rest.join('\n').trim() }
    })
}

export const parsePage = (name: string, text: string): Page => {
  const [title = '', , meaning = ''] = text.split('\n')
  const sections = sectionsOf(text)
  const blocks = sections.flatMap(({ heading, body }) =>
    [...body.matchAll(FENCE)].map(([, language = '', inner = '']) => ({
      language,
      text: inner,
      section: heading,
    })),
  )
  return { name, text, title: title.replace(/^# /, ''), meaning, sections, blocks }
}

const read = (name: string): Page => parsePage(name, readFileSync(join(FOLDER, `${name}.md`), 'utf8'))

export const README = read('README')

export const PAGES: readonly Page[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.md') && file !== 'README.md')
  .map((file) => read(file.slice(0, -'.md'.length)))

/** Queries in the blocks: those for the page of Prometheus, and those that a command asks. */
export const queriesOf = ({ blocks }: Pick<Page, 'blocks'>): readonly string[] => [
  ...blocks.filter(({ language }) => language === 'promql').map(({ text }) => text.trim()),
  ...blocks.flatMap(({ text }) => [...text.matchAll(/'query=([^']*)'/g)].map(([, query = '']) => query)),
]
