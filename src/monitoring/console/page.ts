/**
 * The console: one page, made once at start. Its script is the source of the functions in this folder, its style a string;
 * both are inline and named in the Content-Security-Policy by their hash, so the page runs nothing else and asks nobody but
 * the server it came from.
 */
import { createHash } from 'node:crypto'
import * as draw from './draw.ts'
import * as plot from './plot.ts'
import * as samples from './samples.ts'
import { STYLE } from './style.ts'

const POLL_MS = 2_000

const PANELS = [
  { id: 'throughput', title: 'Throughput', about: 'per second', unit: '/s', scale: 'linear', pointerX: null },
  {
    id: 'lengths',
    title: 'Stream lengths',
    about: 'entries, log scale',
    unit: '',
    scale: 'log',
    pointerX: null,
  },
  {
    id: 'lag',
    title: 'Lag',
    about: 'age of the oldest entry, log scale',
    unit: '',
    scale: 'age',
    pointerX: null,
  },
  {
    id: 'errors',
    title: 'Errors',
    about: 'each bar counts two seconds',
    unit: '',
    scale: 'count',
    pointerX: null,
  },
] as const

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' " +
  "fill='none' stroke='%231f8a70' stroke-width='2'/%3E%3Cpath d='M8 2v12M2 8h12' stroke='%231f8a70'/%3E%3C/svg%3E"

const script = (): string => {
  const functions = Object.entries({ ...samples, ...plot, ...draw })
  const sources = functions.map(([name, source]) => `const ${name} = ${source.toString()};`)
  return `'use strict';\n${sources.join('\n')}\n${draw.main.name}(${POLL_MS}, ${JSON.stringify(PANELS)});\n`
}

const panel = ({ id, title, about }: (typeof PANELS)[number]): string => `
    <figure class="panel">
      <figcaption><h2>${title}</h2><span class="about">${about}</span><span class="about at" id="${id}-at"></span></figcaption>
      <div class="plot" id="${id}"></div>
      <ul class="legend" id="${id}-legend"></ul>
    </figure>`

const html = (code: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Millrace</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
  <header class="top"><h1>Millrace</h1><span class="about" id="asof"></span></header>
  <main>
    <section class="verdict" id="verdict" role="status"><p id="headline">Looking…</p><ul id="findings"></ul></section>
    <section class="services" id="services" aria-label="Services"></section>
    <section class="panels" aria-label="The last ten minutes">${PANELS.map(panel).join('')}
    </section>
    <section class="box"><h2>Last problems</h2><ul class="rows" id="problems"></ul></section>
    <section class="box"><h2>Upstreams</h2><ul class="rows" id="upstreams"></ul></section>
    <section class="box"><h2>Streams</h2>
      <table class="streams"><thead><tr><th>stream</th><th>entries</th><th>not delivered</th><th>pending</th><th>oldest</th>
      <th class="mark">high-water mark</th></tr></thead><tbody id="streams"></tbody></table></section>
  </main>
  <footer class="about">Numbers for machines: <a href="metrics">metrics</a> · <a href="status/all">status</a> ·
    <a href="healthz">healthz</a> · <a href="readyz">readyz</a></footer>
  <noscript>This page needs JavaScript; <a href="status/all">the same as JSON</a> does not.</noscript>
<script>${code}</script>
</body>
</html>
`

const hashOf = (content: string): string =>
  `'sha256-${createHash('sha256').update(content).digest('base64')}'`

const build = () => {
  const code = script()
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(code)}`,
    `style-src ${hashOf(STYLE)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    body: html(code),
    headers: { 'content-security-policy': policy.join('; '), 'referrer-policy': 'no-referrer' },
  } as const
}

let made: ReturnType<typeof build> | undefined

export const consolePage = (): ReturnType<typeof build> => (made ??= build())
