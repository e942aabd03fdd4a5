import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { epochEntries, writeEntries } from '../../lib/options/entries.ts'
import type { Entries, OptionEntry } from '../../lib/options/entry.ts'
import { kafkaEntries } from '../../lib/options/kafkaEntries.ts'
import { connectionEntries, countEntries, followEntries, readEntries } from '../../lib/options/readEntries.ts'

/** Longest line of code, in characters. */
const WIDTH = 120

/** A file with descriptions of options. */
interface Paper {
  readonly path: string
  /** The current text. */
  readonly text: string
  /** The text as the entries define it. */
  readonly wanted: string
}

const root = resolve(import.meta.dirname, '../..')

/** All files with descriptions of options. */
export function papers(): Paper[] {
  return [
    paper('docs/options.md', text =>
      [
        ['Options of a sink', writeEntries] as const,
        ['Options of a micro-batch sink', epochEntries] as const,
        ['Options of a reader', readEntries] as const,
        ['Options of follow', followEntries] as const,
        ['Options of a count', countEntries] as const,
      ].reduce((changed, [heading, entries]) => withTable(changed, heading, entries), text),
    ),
    paper('docs/scale-out.md', text => withTable(text, 'Options', kafkaEntries)),
    paper('lib/options/kafkaOptions.ts', text => withComments(text, kafkaEntries)),
    paper('lib/options/readOptions.ts', text =>
      withComments(text, { ...connectionEntries, ...readEntries, ...followEntries, ...countEntries }),
    ),
    paper('lib/options/options.ts', text => withComments(text, { ...writeEntries, ...epochEntries })),
  ]
}

function paper(name: string, change: (text: string) => string): Paper {
  const path = resolve(root, name)
  const text = readFileSync(path, 'utf8')
  return { path, text, wanted: change(text) }
}

/** Replaces the table of options under a heading. */
function withTable(text: string, heading: string, entries: Entries): string {
  const [before = '', after] = text.split(`\n## ${heading}\n`)
  if (after === undefined) throw new Error(`Expected a heading ${heading}`)
  const table = after.replace(/\| option \|.*\n(?:\|.*\n)*/, tableOf(entries))
  return `${before}\n## ${heading}\n${table}`
}

function tableOf(entries: Entries): string {
  const rows = Object.entries(entries).map(([name, entry]) => [
    `\`${name}\``,
    entry.expected,
    withoutIt(entry),
    entry.meaning,
  ])
  return [['option', 'takes', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows]
    .map(cells => `| ${cells.join(' | ')} |\n`)
    .join('')
    .replaceAll('| --- ', '|---')
    .replaceAll('--- |', '---|')
}

function withoutIt({ fallback, otherwise = '–' }: OptionEntry): string {
  return fallback === undefined ? otherwise : `\`${fallback}\``
}

/** Replaces the comment of each property that is an option. */
function withComments(text: string, entries: Entries): string {
  const property = /(?: {2}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?( {2}readonly (\w+)\??:)/g
  return text.replace(property, (found, declared: string, name: string) => {
    const entry = Object.hasOwn(entries, name) ? entries[name] : undefined
    return entry === undefined ? found : commentOf(entry) + declared
  })
}

function commentOf({ meaning, expected, isBounded, fallback, otherwise }: OptionEntry): string {
  const isRequired = otherwise?.startsWith('required') === true
  const sentences = [
    meaning,
    // For other options the type of the property says this.
    ...(isBounded ? [expected] : []),
    ...(isRequired && otherwise !== 'required' ? [otherwise] : []),
  ]
  const words = sentences.map(sentence => `${sentence[0]?.toUpperCase()}${sentence.slice(1)}.`).join(' ')
  const value = typeof fallback === 'string' ? `'${fallback}'` : fallback
  const preset = value ?? (isRequired ? undefined : otherwise)
  return commented(words, preset === undefined ? '' : `@default ${preset}`)
}

function commented(words: string, tag: string): string {
  const short = `  /** ${[words, tag].filter(Boolean).join(' ')} */\n`
  if (short.length <= WIDTH + 1) return short
  const lines = ['']
  for (const word of words.split(' ')) {
    const line = lines.at(-1) as string
    if (`   * ${line} ${word}`.length > WIDTH) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  if (tag !== '') lines.push(tag)
  return `  /**\n${lines.map(line => `   * ${line}\n`).join('')}   */\n`
}
