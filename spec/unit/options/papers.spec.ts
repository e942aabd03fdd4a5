import { describe, expect, it } from 'vitest'
import { epochEntries, writeEntries } from '../../../lib/options/entries.ts'
import type { OptionEntry } from '../../../lib/options/entry.ts'
import { kafkaEntries } from '../../../lib/options/kafkaEntries.ts'
import { readEntries } from '../../../lib/options/readEntries.ts'
import { papers } from '../../options/papers.ts'

const ofSinks: [string, OptionEntry][] = Object.entries({ ...writeEntries, ...epochEntries })
const ofSources: [string, OptionEntry][] = Object.entries(readEntries)
const ofKafka: [string, OptionEntry][] = Object.entries(kafkaEntries)
const entries = [...ofSinks, ...ofSources]

/** The options that a file describes, by the end of its path. */
const saidIn: Readonly<Record<string, [string, OptionEntry][]>> = {
  '/options.md': entries,
  'scale-out.md': ofKafka,
  'kafkaOptions.ts': ofKafka,
  'readOptions.ts': ofSources,
  '/options.ts': ofSinks,
}

describe('the descriptions of options', () => {
  it.each(papers())('in $path match the entries; otherwise run `npm run options`', ({ text, wanted }) => {
    expect(text).toBe(wanted)
  })

  it.each(papers())('in $path cover every option', ({ path, wanted }) => {
    const [, said] = Object.entries(saidIn).find(([end]) => path.endsWith(end)) ?? []
    for (const [name, { meaning }] of said ?? expect.unreachable(path)) {
      expect(wanted).toContain(name)
      // Comments are wrapped and begin with a capital letter.
      expect(wanted.replaceAll(/\s+\*?\s*/g, ' ')).toContain(meaning.slice(1))
    }
  })

  it.each([...entries, ...ofKafka])(
    'of %s fit a cell of a table, a comment and one line of a help',
    (_, entry) => {
      const { meaning, expected, otherwise = '' } = entry
      for (const words of [meaning, expected, otherwise]) expect(words).not.toMatch(/[|\n]|\*\/|\.$/)
      expect(meaning).toMatch(/^[^A-Z]/)
      // An entry has either a default or words for the case without one.
      expect(entry.fallback === undefined || otherwise === '').toBe(true)
      if (entry.fallback !== undefined) expect(entry.accepts(entry.fallback)).toBe(true)
    },
  )
})
