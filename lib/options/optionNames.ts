import { OptionError } from '../errors.ts'
import { foreignNames, needlessNames } from './foreignNames.ts'
import { nearestNames } from './nearest.ts'
import { escaped } from './shown.ts'

/** Most characters of an unknown name that are compared and shown. */
const MOST_CHARACTERS = 60

/** Refuses a name that is not in `known`. The message suggests the nearest name, also from `elsewhere`. */
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
  const same = known.find(each => plain(each) === plain(name))
  const foreign = same ?? lookUp(foreignNames, name)
  const needless = foreign === undefined ? lookUp(needlessNames, name) : undefined
  if (needless !== undefined) return `: ${needless}`
  const meant = foreign ?? nearestNames(name, all, 1)[0]
  if (meant === undefined) return ''
  const isHere = known.includes(meant)
  if (meant === name) return `: it belongs to \`createMicroBatchSink\``
  return `; did you mean \`${meant}\`${isHere ? '' : ' of `createMicroBatchSink`'}?`
}

/** Names of other tools may have prefixes: `spark.cassandra.output.consistency.level`. */
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
