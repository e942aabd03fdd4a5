// CANARY=secret tsx spec/canary/scan.ts LOG REPORT…   fails if a file contains the secret in any form
import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { formsOf } from './forms.ts'

/** The last line that the steps of CI print. A log without it is empty or cut off. */
export const LAST_LINE = '── all steps have ended'

/** Characters of a line that are shown on either side of the secret. */
const AROUND = 150

/** Where a text contains the secret in any form: lines, without the secret. */
export function leaksIn(text: string, secret: string): string[] {
  const forms = formsOf(secret)
  const plain = stripVTControlCharacters(text)
  const leaks = plain.split('\n').flatMap((line, i) => {
    const hidden = forms.reduce((rest, form) => rest.replaceAll(form, '***'), line)
    if (hidden === line) return []
    // A JSON report is one long line.
    const at = hidden.indexOf('***')
    return [`line ${i + 1}: ${hidden.slice(Math.max(0, at - AROUND), at + AROUND)}`]
  })
  // `inspect` and JSON print long lists of bytes in several lines.
  const isSplit = leaks.length === 0 && forms.some(form => dense(plain).includes(dense(form)))
  return isSplit ? ['several lines together'] : leaks
}

const dense = (text: string) => text.replaceAll(/\s+/g, '')

/** What is wrong with a log, and with the reports that were written beside it. */
export function problemsOf(secret: string, log: string, reports: readonly string[]): string[] {
  if (secret === '') return ['CANARY is not set']
  const read = (file: string) => readFileSync(file, 'utf8')
  const isWhole = read(log).split('\n').includes(LAST_LINE)
  const leaks = [log, ...reports].flatMap(file =>
    leaksIn(read(file), secret).map(leak => `The canary is in ${file}, ${leak}`),
  )
  return isWhole ? leaks : [`${log} has no line "${LAST_LINE}"`, ...leaks]
}

if (import.meta.filename === process.argv[1]) {
  const [log = '', ...reports] = process.argv.slice(2)
  const problems = problemsOf(process.env['CANARY'] ?? '', log, reports)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
