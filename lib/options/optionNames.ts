import { OptionError } from '../errors.ts'
import { foreignNames, needlessNames } from './foreignNames.ts'
import { escaped } from './shown.ts'

/** Most characters of an unknown name that are compared and shown. */
const MOST_CHARACTERS = 60

/** Refuses a name that is none of `known`, with the one that was probably meant, also if only `elsewhere` has it. */
export function unknownOption(
  name: string,
  known: readonly string[],
  elsewhere: readonly string[],
): OptionError {
  const short = escaped(name.slice(0, MOST_CHARACTERS))
  return new OptionError(
    'ERR_CASSANDRA_OPTION_UNKNOWN',
    name,
    `Unknown option \`${short}\`${advice(name.slice(0, MOST_CHARACTERS), known, elsewhere)}`,
  )
}

function advice(name: string, known: readonly string[], elsewhere: readonly string[]): string {
  const all = [...known, ...elsewhere]
  const foreign = lookUp(foreignNames, name)
  const needless = foreign === undefined ? lookUp(needlessNames, name) : undefined
  if (needless !== undefined) return `: ${needless}`
  const meant = foreign ?? nearest(name, all)
  if (meant === undefined) return ''
  const isHere = known.includes(meant)
  if (meant === name) return `: it belongs to \`createMicroBatchSink\``
  return `; did you mean \`${meant}\`${isHere ? '' : ' of `createMicroBatchSink`'}?`
}

/** Names of other tools have parts before the one that tells: `spark.cassandra.output.consistency.level`. */
function lookUp(table: Readonly<Record<string, string>>, name: string): string | undefined {
  const parts = name.split('.')
  for (let from = 0; from < parts.length; from++) {
    const key = plain(parts.slice(from).join(''))
    if (Object.hasOwn(table, key)) return table[key]
  }
  return undefined
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z\d]/g, '')
}

function nearest(name: string, candidates: readonly string[]): string | undefined {
  const asked = plain(name)
  const ranked = candidates
    .map(candidate => ({ candidate, distance: distanceBetween(asked, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, asked.length / 3) ? best.candidate : undefined
}

/** Edits from one to the other. A name that begins with the other is near (`ssl_ca`), but one edit is nearer. */
function distanceBetween(a: string, b: string): number {
  const isBeginning = Math.min(a.length, b.length) > 3 && (a.startsWith(b) || b.startsWith(a))
  return isBeginning ? Math.min(1.5, editDistance(a, b)) : editDistance(a, b)
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(swap, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
    }
  }
  return row[b.length] ?? 0
}
