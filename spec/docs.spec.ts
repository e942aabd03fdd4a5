import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const filesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => `${folder}/${name}`)

const sources = ['lib', 'spec', 'bench', 'examples'].flatMap(filesIn).filter(name => /\.m?ts$/.test(name))

const papers = [
  ...readdirSync(root),
  ...filesIn('bench'),
  ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`),
].filter(name => name.endsWith('.md'))

/** Names that an entry point exports, each with the file that declares it. */
function exportsOf(entry: string): { name: string; file: string }[] {
  const lists = [...read(entry).matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)]
  return lists.flatMap(([, names = '', from = '']) =>
    names
      .split(',')
      .map(name => name.trim().replace(/^type /, ''))
      .filter(name => name !== '')
      .map(name => ({ name, file: join(dirname(entry), from) })),
  )
}

const surface = ['lib/index.ts', 'lib/kafka/index.ts', 'lib/testing/index.ts'].flatMap(exportsOf)

describe('the comments in the code', () => {
  it('are found', () => {
    expect(surface.length).toBeGreaterThan(30)
    expect(sources.length).toBeGreaterThan(200)
  })

  // Without one the reference shows the comment of the parent, and its generator does not warn.
  it.each(surface)('has one for $name', ({ name, file }) => {
    expect(read(file)).toMatch(
      new RegExp(`\\*/\\nexport (?:abstract |async )*(?:interface|class|function|type|const) ${name}\\b`),
    )
  })

  it.each(sources)('belong to one thing each in %s', file => {
    expect(read(file).match(/\*\/\n[ \t]*\/\*\*.*/)?.[0]).toBeUndefined()
  })
})

describe.each(papers)('%s', paper => {
  it('names only files that are there', () => {
    const named = read(paper).match(/(?<![\w./-])(?:lib|spec|bench|examples)\/[\w./-]*\w/g) ?? []
    const links = [...read(paper).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) =>
      join(dirname(paper), path),
    )
    expect([...named, ...links].filter(path => !existsSync(join(root, path)))).toEqual([])
  })

  it('has no two headings alike', () => {
    const headings: string[] = read(paper).match(/^## .*/gm) ?? []
    expect(headings.filter((heading, i) => headings.indexOf(heading) !== i)).toEqual([])
  })
})
