import { OptionError } from '../errors.ts'
import { epochEntries, writeEntries } from './entries.ts'
import { foreignNames, needlessNames } from './foreignNames.ts'
import { kafkaEntries } from './kafkaEntries.ts'
import { nearestNames } from './nearest.ts'
import { connectionEntries, countEntries, followEntries, readEntries } from './readEntries.ts'
import { escaped } from './shown.ts'

/** Maximum number of characters of an unknown name that are compared and shown. */
const MOST_CHARACTERS = 60

/** Options by what takes them. */
type Owners = readonly (readonly [owner: string, entries: object])[]

const sinks: Owners = [
  ['`createCassandraWritable`', writeEntries],
  ['`createMicroBatchSink`', epochEntries],
  ['`runKafkaSink`', kafkaEntries],
]

const readers: Owners = [
  ['`createCassandraReadable`', { ...connectionEntries, ...readEntries }],
  ['`follow` of `createCassandraReadable`', followEntries],
  ['`countRows`', countEntries],
]

/** Refuses a name that is not in `known`. The message suggests the nearest name, or says which function has this one. */
export function unknownOption(name: string, known: readonly string[]): OptionError {
  const short = escaped(name.slice(0, MOST_CHARACTERS))
  return new OptionError(
    'ERR_CASSANDRA_OPTION_UNKNOWN',
    name,
    `Unknown option \`${short}\`${advice(name.slice(0, MOST_CHARACTERS), known)}`,
  )
}

function advice(name: string, known: readonly string[]): string {
  const isSink = known.includes('rows_per_batch')
  // Who writes into a sink may mean the sink with epochs. A Kafka sink has epochs.
  const isPlain = isSink && !known.includes('checkpoint')
  const all = isPlain ? [...known, ...Object.keys(epochEntries)] : known
  const same = known.find(each => plain(each) === plain(name))
  const foreign = same ?? lookUp(foreignNames, name) ?? []
  const named = [foreign].flat().find(each => all.includes(each))
  if (named === undefined) {
    const owners = isSink ? [...sinks, ...readers] : [...readers, ...sinks]
    const owner = owners.find(([, entries]) => Object.hasOwn(entries, name))
    if (owner !== undefined) return `: it belongs to ${owner[0]}`
  }
  const needless = isSink && named === undefined ? lookUp(needlessNames, name) : undefined
  if (needless !== undefined) return `: ${needless}`
  const meant = named ?? nearestNames(name, all, 1)[0]
  if (meant === undefined) return ''
  const isHere = known.includes(meant)
  return `; did you mean \`${meant}\`${isHere ? '' : ' of `createMicroBatchSink`'}?`
}

/** Names of other tools may have prefixes: `spark.cassandra.output.consistency.level`. */
function lookUp<Found>(table: Readonly<Record<string, Found>>, name: string): Found | undefined {
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
