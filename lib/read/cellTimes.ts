import { OptionError } from '../errors.ts'
import type { TimeNames } from '../options/readSettings.ts'
import { quoteIdentifier } from '../table/cqlType.ts'
import type { Column, TableSchema } from '../table/schema.ts'

/** The selectors for the write times and the times to live of a row's cells. */
export class CellTimes {
  /** Columns of the answer: the key, then the requested columns. */
  readonly columns: readonly Column[]
  /** Selectors after the columns: per column outside the key, its write times and its remaining times to live. */
  readonly selectors: readonly string[]
  readonly names: TimeNames
  readonly hasStatics: boolean
  readonly #table: string
  /** Columns whose parts have their own times. */
  readonly #multiCell: readonly string[]

  /** @throws OptionError for a table whose times cannot be read, or a column with the name of a property for times */
  constructor({ columns, keyspace, name }: TableSchema, wanted: readonly Column[], names: TimeNames) {
    const cells = wanted.filter(column => !isKey(column))
    this.#table = `${keyspace}.${name}`
    this.names = names
    this.hasStatics = cells.some(({ kind }) => kind === 'static')
    this.columns = [...columns.filter(isKey), ...cells]
    this.selectors = cells.flatMap(column => {
      const quoted = quoteIdentifier(column.name)
      return [`WRITETIME(${quoted})`, `TTL(${quoted})`]
    })
    this.#multiCell = cells.filter(({ type }) => 'frozen' in type && !type.frozen).map(column => column.name)
    const counter = cells.find(({ cql }) => cql === 'counter')
    if (counter !== undefined) {
      throw refused(
        'with_times',
        `Expected \`with_times\` to be absent for ${this.#table}: the counter \`${counter.name}\` has no write time that can be kept`,
      )
    }
    for (const [option, property] of Object.entries(names)) {
      if (this.columns.every(column => column.name !== property)) continue
      throw refused(
        option,
        `Expected \`${option}\` to name a property that is no column: ${this.#table} has a column \`${property}\`. Give \`${option}\` another name here and for the sink`,
      )
    }
  }

  /** Whether a server's message says that it cannot report the times of these columns. */
  isRefusedBy(words: string): boolean {
    return this.#multiCell.length > 0 && /selection function/i.test(words)
  }

  refusal(words: string): OptionError {
    const shown = this.#multiCell.map(name => `\`${name}\``).join(', ')
    return refused(
      'with_times',
      `Expected Cassandra 5.0 or newer for the times of ${shown} in ${this.#table}: an older one reports no times of non-frozen collections (CASSANDRA-8877). The server says: ${words}. Leave these columns out by \`columns\`, or read without \`with_times\``,
    )
  }
}

export function isKey({ kind }: Column): boolean {
  return kind === 'partition_key' || kind === 'clustering'
}

function refused(option: string, message: string): OptionError {
  return new OptionError('ERR_CASSANDRA_OPTION', option, message)
}
