import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const lib = resolve(import.meta.dirname, '../lib')

/** From the bottom up, planned layers included. A file imports only from its own folder and from those before it. */
const layers = [
  'errors.ts',
  'realm.ts',
  'json.ts',
  'diagnostics.ts',
  'options',
  'table',
  'cluster',
  'value',
  'row',
  'batch',
  'write',
  'read',
  'checkpoint',
  'epoch',
  'sink',
  'source',
  'kafka',
  'index.ts',
  'files',
  'cli',
]

/** Has its own entry point. It and the other folders do not import each other. */
const apart = ['testing']

const files = readdirSync(lib, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
  .map(entry => relative(lib, join(entry.parentPath, entry.name)))

const sourceOf = (file: string) => readFileSync(join(lib, file), 'utf8')
const layerOf = (file: string) => file.split('/')[0] ?? ''

const imports = new Map<string, readonly string[]>()

function importsOf(file: string): readonly string[] {
  const known = imports.get(file)
  if (known !== undefined) return known
  const specifiers = [...sourceOf(file).matchAll(/(?:from|import\(?)\s*'([^']+)'/g)].map(
    match => match[1] ?? '',
  )
  const found = specifiers
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => relative(lib, resolve(lib, dirname(file), specifier)))
  imports.set(file, found)
  return found
}

/** Files of an import cycle that starts and ends with `file`. Undefined if there is none. */
function cycleThrough(file: string): string[] | undefined {
  const seen = new Set<string>()
  const wayBackFrom = (at: string): string[] | undefined => {
    for (const next of importsOf(at)) {
      if (next === file) return [at, file]
      if (seen.has(next)) continue
      seen.add(next)
      const way = wayBackFrom(next)
      if (way !== undefined) return [at, ...way]
    }
    return undefined
  }
  return wayBackFrom(file)
}

describe('architecture', () => {
  it('has sources to check', () => {
    expect(files).toContain('index.ts')
    expect(files.flatMap(importsOf).length).toBeGreaterThan(30)
  })

  it.each(files)('%s imports only from its own layer and those before it', file => {
    const own = layerOf(file)
    const allowed = apart.includes(own) ? [own] : layers.slice(0, layers.indexOf(own) + 1)
    expect([...layers, ...apart]).toContain(own)
    for (const imported of importsOf(file))
      expect(allowed, `imports ${imported}`).toContain(layerOf(imported))
  })

  it('opens a checkpoint in one file for writing and one for reading, and nothing else knows its implementations', () => {
    const keeper = /^checkpoint\/(?:file|table)\//
    const others = files.filter(file => !keeper.test(file))
    expect(others.filter(file => importsOf(file).some(path => keeper.test(path)))).toEqual([
      'checkpoint/keeper.ts',
    ])
    expect(files.filter(file => importsOf(file).includes('checkpoint/keeper.ts'))).toEqual([
      'epoch/openEpochWriter.ts',
      'source/readCheckpoint.ts',
    ])
  })

  it.each(files)('%s is on no import cycle', file => {
    expect(cycleThrough(file)).toBeUndefined()
  })

  it.each(files)('%s has at most 300 lines', file => {
    expect(sourceOf(file).split('\n').length - 1).toBeLessThanOrEqual(300)
  })

  it('is drawn in ARCHITECTURE.md, file by file', () => {
    const drawing = readFileSync(resolve(lib, '../ARCHITECTURE.md'), 'utf8').match(/(?:^ {4}.*\n)+/gm) ?? []
    const tree = drawing.find(block => block.includes('    lib/\n')) ?? ''
    const drawn = new Set(tree.match(/\b\w+\.ts\b/g))
    const namesIn = (folder: string) =>
      files.filter(file => layerOf(file) === folder).map(file => basename(file))
    // The drawing sums up `testing` in one line, and most files of `value`.
    for (const folder of layers.filter(layer => layer !== 'value')) {
      expect([...drawn], folder).toEqual(expect.arrayContaining(namesIn(folder)))
    }
    expect(files.map(file => basename(file))).toEqual(expect.arrayContaining([...drawn]))
  })

  it('compares the operation of a row only in the table of operations', () => {
    const asking = /\boperation(?:\.name)? [!=]==|'insert_static'|operations?\[/
    expect(files.filter(file => asking.test(sourceOf(file)))).toEqual(['table/operations.ts'])
  })

  it('keeps logic out of the public entry', () => {
    expect(sourceOf('index.ts').replaceAll(/export (?:type )?\{[^}]*\} from '[^']+'\s*/g, '')).toBe('')
  })

  it('has no folder or file named utils, helpers, common or the like', () => {
    expect(files.filter(file => /util|helper|common|manager|misc/i.test(file))).toEqual([])
  })
})
