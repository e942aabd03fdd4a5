import type { Client } from 'cassandra-driver'
import type { SerialLevels } from '../../cluster/consistency.ts'
import { mayBeApplied } from '../../cluster/fault.ts'
import { readOptions } from '../../table/readOptions.ts'
import { type ColumnName, columnTypes, type RowColumns } from './columns.ts'
import { isPassing, type RepeatLimits, Repeats, repeated } from './repeated.ts'

/** A row as the driver returns it: values by the names of columns. */
export type FoundColumns = Readonly<Record<string, unknown>>

/** Identifies the row that a change replaces. */
interface Before {
  readonly term: number
  readonly write_id: string
}

/** What a row is read and changed with. */
export interface RowAccess {
  readonly client: Client
  readonly levels: SerialLevels
  readonly limits: RepeatLimits
}

/**
 * One row of a table that is changed only by lightweight transactions. Each change has an id, `write_id`, and applies only to
 * the row that the change before it wrote. So if an answer is lost, a read of the row tells whether the change was applied. A
 * repeat of an applied change is refused, and so is a request that arrives late.
 */
export class SerialRow {
  readonly #access: RowAccess
  readonly #table: string
  readonly #name: string

  /** @param table keyspace and name, quoted for CQL */
  constructor(access: RowAccess, table: string, name: string) {
    this.#access = access
    this.#table = table
    this.#name = name
  }

  /**
   * Reads the row with every acknowledged change; undefined if there is no row. The serial read also settles a change whose
   * outcome is unknown: it is applied now or never, unless its request has not arrived yet.
   */
  read(signal: AbortSignal): Promise<FoundColumns | undefined> {
    const { limits, levels } = this.#access
    const cql = `SELECT ${Object.keys(columnTypes).join(', ')} FROM ${this.#table} WHERE name = ?`
    return repeated(
      limit_ms => this.#execute(cql, [this.#name], ['text'], levels.serial, limit_ms),
      limits,
      signal,
    )
  }

  /**
   * Replaces the row, or creates it.
   * @param before the row as it was read, or as the last change wrote it; undefined if there is no row
   * @returns false if the row is no longer `before`; it then stays as it is
   * @throws the driver's error if the change failed, or if its outcome is unknown
   */
  async change(before: Before | undefined, after: RowColumns, signal: AbortSignal): Promise<boolean> {
    const { limits, levels } = this.#access
    const { cql, params, hints } = this.#statement(before, after)
    const repeats = new Repeats(limits, signal)
    for (;;) {
      let failure: unknown
      try {
        const answer = await repeats.attempt(limit_ms =>
          this.#execute(cql, params, hints, levels.commit, limit_ms),
        )
        // An earlier attempt, whose answer was lost, may have been applied. This attempt is then refused.
        return answer?.['[applied]'] === true || idOf(answer) === after.write_id
      } catch (error) {
        if (!isPassing(error)) throw error
        failure = error
      }
      if (mayBeApplied(failure)) {
        const id = idOf(await this.read(signal))
        if (id === after.write_id) return true
        if (id !== before?.write_id) return false
      }
      // This attempt may still arrive, and so may the repeat. Only one of them is applied.
      await repeats.wait(failure)
    }
  }

  #statement(before: Before | undefined, after: RowColumns) {
    const { name, ...set } = columnTypes
    const names = Object.keys(set) as Exclude<ColumnName, 'name'>[]
    const values = names.map(column => after[column])
    const types = Object.values(set)
    if (before === undefined) {
      const marks = ['?', ...names.map(() => '?')].join(', ')
      return {
        cql: `INSERT INTO ${this.#table} (${['name', ...names].join(', ')}) VALUES (${marks}) IF NOT EXISTS`,
        params: [this.#name, ...values],
        hints: [name, ...types],
      }
    }
    const assignments = names.map(column => `${column} = ?`).join(', ')
    return {
      cql: `UPDATE ${this.#table} SET ${assignments} WHERE name = ? IF term = ? AND write_id = ?`,
      params: [...values, this.#name, before.term, before.write_id],
      hints: [...types, name, columnTypes.term, columnTypes.write_id],
    }
  }

  async #execute(
    cql: string,
    params: readonly unknown[],
    hints: readonly string[],
    consistency: SerialLevels['commit'],
    limit_ms: number,
  ): Promise<FoundColumns | undefined> {
    const { rows } = await this.#access.client.execute(cql, [...params], {
      ...readOptions(limit_ms),
      // The driver would keep a prepared statement longer than the table may exist.
      prepare: false,
      hints: [...hints],
      consistency,
      serialConsistency: this.#access.levels.serial,
    })
    return rows[0]
  }
}

/** Undefined if there is no row. In a row that was changed by hand the id may be null, which becomes the text `null`. */
function idOf(row: FoundColumns | undefined): string | undefined {
  const id = row?.['write_id']
  return id === undefined ? undefined : String(id)
}
