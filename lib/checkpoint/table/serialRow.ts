import type { Client } from 'cassandra-driver'
import type { SerialLevels } from '../../cluster/consistency.ts'
import { mayBeApplied } from '../../cluster/fault.ts'
import { readOptions } from '../../table/readOptions.ts'
import { type ColumnName, columnTypes, type RowColumns } from './columns.ts'
import { isPassing, type RepeatLimits, Repeats, repeated } from './repeated.ts'

/** What the driver gives for a row: names and values. */
export type FoundColumns = Readonly<Record<string, unknown>>

/** The row that a change replaces. */
interface Before {
  readonly term: number
  readonly write_id: string
}

/** How a row is reached. */
export interface RowAccess {
  readonly client: Client
  readonly levels: SerialLevels
  readonly limits: RepeatLimits
}

/**
 * One row of a table, which is only changed by lightweight transactions. Each change has an identity, `write_id`, and
 * names the one that it follows. So an answer that was lost is found by reading the row, a repeat of a change that was
 * applied is not applied again, and a request that arrives late is refused.
 */
export class SerialRow {
  readonly #access: RowAccess
  readonly #table: string
  readonly #name: string

  /** @param table as CQL has it: with its keyspace, quoted */
  constructor(access: RowAccess, table: string, name: string) {
    this.#access = access
    this.#table = table
    this.#name = name
  }

  /**
   * The row, with every change that was acknowledged; undefined when there is none. A change whose outcome nobody knew is
   * applied now, or never unless it is still on its way.
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
   * Replaces the row, or makes it.
   * @param before the row as it was read, or as the last change left it; undefined when there is none
   * @returns false when the row is not that any more: nothing is changed
   * @throws what the driver says when that cannot be done, or nobody knows whether it was
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
        // Refused because of an earlier attempt, whose answer was lost?
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
      // It may still arrive, and the repeat as well: only one of them is applied.
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
      // A statement that is prepared would outlive its table.
      prepare: false,
      hints: [...hints],
      consistency,
      serialConsistency: this.#access.levels.serial,
    })
    return rows[0]
  }
}

/** Undefined when there is no row; null has become text in one that was changed by hand. */
function idOf(row: FoundColumns | undefined): string | undefined {
  const id = row?.['write_id']
  return id === undefined ? undefined : String(id)
}
