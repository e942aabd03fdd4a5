import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** A page that users read. */
export interface Page {
  /** Path from the root of the repository. */
  readonly path: string
  readonly text: string
}

/** A block of code on a page. */
export interface Example {
  readonly language: string
  /** Whether it is run too. A fence `ts compiled` is for programs that need more than Cassandra. */
  readonly isRun: boolean
  readonly code: string
  /** The output that the page shows, as indented lines after the code. */
  readonly prints: string | undefined
}

export const root = resolve(import.meta.dirname, '..')

/** All pages. The README is first, because its examples create the table for the other pages. */
export const pages: readonly Page[] = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .sort()
    .map(name => `docs/${name}`),
].map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))

export function page(path: string): Page {
  const found = pages.find(each => each.path === path)
  if (found === undefined) throw new Error(`Expected a page ${path}`)
  return found
}

export function examplesOf({ text }: Page): Example[] {
  const fences = text.matchAll(/^```(\w+)( compiled)?\n(.*?)^```\n(?:\n((?: {4}[^\n]*\n)+))?/gms)
  return [...fences].map(([, language = '', compiled, code = '', printed]) => ({
    language,
    isRun: compiled === undefined,
    code,
    prints: printed?.replaceAll(/^ {4}/gm, '').trim(),
  }))
}

/** The text under a heading of the second level. */
export function sectionOf({ path, text }: Page, heading: string): string {
  const [, after] = text.split(`\n## ${heading}\n`)
  if (after === undefined) throw new Error(`Expected a heading ${heading} in ${path}`)
  return after.split('\n## ')[0] ?? ''
}

/** The cells of each row of the table under a heading. */
export function tableUnder(from: Page, heading: string): string[][] {
  return sectionOf(from, heading)
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
}

/** The anchors of a page, as GitHub derives them from headings. */
export function anchorsOf({ text }: Page): string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The targets of the relative links of a page. */
export function linksOf({ text }: Page): { path: string; anchor: string | undefined }[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '')
  return [...prose.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].map(([, path = '', anchor]) => ({
    path,
    anchor,
  }))
}
