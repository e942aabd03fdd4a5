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

/** What is said in a file, by the end of its path. */
const saidIn: Readonly<Record<string, [string, OptionEntry][]>> = {
  '/options.md': entries,
  'scale-out.md': ofKafka,
  'kafkaOptions.ts': ofKafka,
  'readOptions.ts': ofSources,
  '/options.ts': ofSinks,
}

describe('what is said of options', () => {
  it.each(papers())('is in $path what the entries say: else run `npm run options`', ({ text, wanted }) => {
    expect(text).toBe(wanted)
  })

  it.each(papers())('is in $path of every option', ({ path, wanted }) => {
    const [, said] = Object.entries(saidIn).find(([end]) => path.endsWith(end)) ?? []
    for (const [name, { meaning }] of said ?? expect.unreachable(path)) {
      expect(wanted).toContain(name)
      // Comments are wrapped, and begin with a capital letter.
      expect(wanted.replaceAll(/\s+\*?\s*/g, ' ')).toContain(meaning.slice(1))
    }
  })

  it.each([...entries, ...ofKafka])(
    'of %s fits a cell of a table, a comment and one line of a help',
    (_, entry) => {
      const { meaning, expected, otherwise = '' } = entry
      for (const words of [meaning, expected, otherwise]) expect(words).not.toMatch(/[|\n]|\*\/|\.$/)
      expect(meaning).toMatch(/^[^A-Z]/)
      // One or the other: what it is without being given.
      expect(entry.fallback === undefined || otherwise === '').toBe(true)
      if (entry.fallback !== undefined) expect(entry.accepts(entry.fallback)).toBe(true)
    },
  )
})
