import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExposition, readExposition } from './exposition.ts'
import { createRegistry, scrape } from './registry.ts'

test('samples are read with their labels, escapes, infinities and unknowns', () => {
  const text = [
    '# HELP a_total A "help", with {braces} 1',
    'a_total{x="1",path="C:\\\\d\\n",say="\\"hi\\", she said"} 3',
    'up 1 1395066363000',
    'low -Inf',
    'bound{le="+Inf"} +Inf',
    'unknown Nan',
    'not a sample at all',
    '',
  ].join('\n')
  assert.deepEqual(parseExposition(text), [
    { name: 'a_total', labels: { x: '1', path: 'C:\\d\n', say: '"hi", she said' }, value: 3 },
    { name: 'up', labels: {}, value: 1 },
    { name: 'low', labels: {}, value: -Infinity },
    { name: 'bound', labels: { le: '+Inf' }, value: Infinity },
    { name: 'unknown', labels: {}, value: NaN },
  ])
})

test('a line that is no sample is named, and costs nothing else', () => {
  const { series, unreadable } = readExposition('a 1\nb{x="1" 2\nc one\n\n# HELP d 1\nd 4\n')
  assert.deepEqual(
    series.map(({ name }) => name),
    ['a', 'd'],
  )
  assert.deepEqual(unreadable, ['b{x="1" 2', 'c one'])
})

test('what a registry writes is read back, line for line', async () => {
  const { text } = await scrape(createRegistry('ingester', '1.0.0+abcdef0'))
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const series = parseExposition(text)
  assert.equal(series.length, lines.length)
  const unknown = series.filter(({ value }) => Number.isNaN(value))
  assert.equal(unknown.length, lines.filter((line) => / nan$/i.test(line)).length)
})
