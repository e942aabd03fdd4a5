import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { anchorsOf, linksOf, pages, root } from './pages.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')

const filesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => `${folder}/${name}`)

const sources = ['lib', 'spec', 'bench', 'examples'].flatMap(filesIn).filter(name => /\.m?ts$/.test(name))

const papers = [
  ...readdirSync(root),
  ...filesIn('bench'),
  ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`),
].filter(name => name.endsWith('.md'))

/** The exports of an entry point, each with the file that declares it. */
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

  // Without a comment, the reference shows that of the parent, and TypeDoc does not warn.
  it.each(surface)('include one for the export $name', ({ name, file }) => {
    expect(read(file)).toMatch(
      new RegExp(`\\*/\\nexport (?:abstract |async )*(?:interface|class|function|type|const) ${name}\\b`),
    )
  })

  it.each(sources)('never follow each other directly in %s', file => {
    expect(read(file).match(/\*\/\n[ \t]*\/\*\*.*/)?.[0]).toBeUndefined()
  })
})

const linesIn = (text: string) => text.split('\n').length - 1

describe('the pages', () => {
  it('begin with a README of 150 to 200 lines', () => {
    const [readme] = pages
    expect(readme?.path).toBe('README.md')
    expect(linesIn(readme?.text ?? '')).toBeGreaterThanOrEqual(150)
    expect(linesIn(readme?.text ?? '')).toBeLessThanOrEqual(200)
  })

  it.each(pages)('of docs/ have fewer than 250 lines: $path', ({ text }) => {
    expect(linesIn(text)).toBeLessThan(250)
  })

  it.each(pages.slice(1))('can all be reached from the README: $path', ({ path }) => {
    const reached = new Set(['README.md'])
    for (const from of reached) {
      if (!from.endsWith('.md')) continue
      for (const { path } of linksOf({ path: from, text: read(from) })) {
        if (path !== '') reached.add(join(dirname(from), path))
      }
    }
    expect([...reached]).toContain(path)
  })
})

describe.each(papers)('%s', paper => {
  const page = { path: paper, text: read(paper) }

  it('names only files that are there', () => {
    const named = page.text.match(/(?<![\w./-])(?:lib|spec|bench|examples)\/[\w./-]*\w/g) ?? []
    expect(named.filter(path => !existsSync(join(root, path)))).toEqual([])
  })

  it('links to files and headings that are there', () => {
    const broken = linksOf(page).filter(({ path, anchor }) => {
      const target = path === '' ? paper : join(dirname(paper), path)
      if (!existsSync(join(root, target))) return true
      return anchor !== undefined && !anchorsOf({ path: target, text: read(target) }).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  it('has no two headings alike', () => {
    const headings: string[] = page.text.match(/^## .*/gm) ?? []
    expect(headings.filter((heading, i) => headings.indexOf(heading) !== i)).toEqual([])
  })
})
