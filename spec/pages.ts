import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** A page that users read. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

/** A block of code on a page. */
export interface Example {
  readonly language: string
  /** Whether it is run, too: a fence `ts compiled` is for programs that need more than Cassandra. */
  readonly isRun: boolean
  readonly code: string
  /** What the page says that it prints: the indented lines that follow it. */
  readonly prints: string | undefined
}

export const root = resolve(import.meta.dirname, '..')

/** The README first, since its examples create the table of all others. */
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

/** What stands under a heading of the second level. */
export function sectionOf({ path, text }: Page, heading: string): string {
  const [, after] = text.split(`\n## ${heading}\n`)
  if (after === undefined) throw new Error(`Expected a heading ${heading} in ${path}`)
  return after.split('\n## ')[0] ?? ''
}

/** Rows of the table under a heading, by their cells. */
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

/** The anchors of a page, as GitHub makes them of its headings. */
export function anchorsOf({ text }: Page): string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Where the links of a page lead that are not addresses of the web. */
export function linksOf({ text }: Page): { path: string; anchor: string | undefined }[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '')
  return [...prose.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].map(([, path = '', anchor]) => ({
    path,
    anchor,
  }))
}
