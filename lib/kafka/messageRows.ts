import { wordsOf } from '../cluster/failure.ts'
import { CheckpointError, RowError } from '../errors.ts'
import type { KafkaMessage } from '../options/kafkaClient.ts'
import type { KafkaSettings } from '../options/kafkaSettings.ts'

type RowSettings = Pick<KafkaSettings, 'row' | 'tombstones' | 'operation_column' | 'delete_flag'>

/** Property that marks deletes if the options name none. It contains a NUL, so no column has it by accident. */
const OWN_OPERATION = '\u0000operation'

/** The option `operation_column`, or the sink's own property if tombstones are deletes and no option marks deletes. */
export function operationColumnOf({
  tombstones,
  operation_column,
  delete_flag,
}: Omit<RowSettings, 'row'>): string | undefined {
  const isOwn = tombstones === 'delete' && operation_column === undefined && delete_flag === undefined
  return isOwn ? OWN_OPERATION : operation_column
}

/** Turns messages into rows. */
export class MessageRows {
  readonly #row: RowSettings['row']
  /** Properties that are added to the rows of a tombstone. */
  readonly #deleted: object | undefined
  /** Properties that are added to all other rows. */
  readonly #stored: object | undefined

  constructor(settings: RowSettings) {
    const { row, tombstones, operation_column = OWN_OPERATION, delete_flag } = settings
    this.#row = row
    if (tombstones !== 'delete') return
    this.#deleted =
      delete_flag === undefined
        ? { [operation_column]: 'delete' }
        : { [delete_flag.column]: delete_flag.value }
    if (operationColumnOf(settings) === OWN_OPERATION) this.#stored = { [OWN_OPERATION]: 'insert' }
  }

  /** @throws errors of `row`; TypeError if `row` returns a Promise */
  of(message: KafkaMessage): readonly object[] {
    const given: unknown = this.#row(message)
    if (given === null || given === undefined) return []
    if (given instanceof Promise) {
      // Without a handler, a rejection of this Promise would end the process.
      given.catch(() => {})
      throw new TypeError('Expected `row` to return a row, got a Promise: it must not be async')
    }
    const more = message.value === null ? this.#deleted : this.#stored
    const rows: readonly unknown[] = Array.isArray(given) ? given : [given]
    return rows.map(row => {
      // The encoder refuses anything else.
      const isPlain = typeof row === 'object' && row !== null && !Array.isArray(row)
      return more === undefined || !isPlain ? (row as object) : { ...row, ...more }
    })
  }
}

/** A row as `row` returned it, without the sink's own property. */
export function withoutOwnOperation(row: object | undefined): object | undefined {
  if (row === undefined || !Object.hasOwn(row, OWN_OPERATION)) return row
  const { [OWN_OPERATION]: _, ...given } = row as Record<string, unknown>
  return given
}

/** The error for a message for which `row` failed. */
export function messageRefused(message: KafkaMessage, row_index: number, cause: unknown): RowError {
  const { topic, partition, offset } = message
  return new RowError(
    'ERR_CASSANDRA_KAFKA_MESSAGE',
    `\`row\` failed for the message at offset ${offset} of ${topic}/${partition}: ${wordsOf(cause)}`,
    { row_index },
    { cause },
  )
}

/** The error for a message for which `row` returned more rows when its first `written` rows were written. */
export function rowsMissing({ offset }: KafkaMessage, rows: number, written: number): CheckpointError {
  const returned = `\`row\` returned ${rows} ${rows === 1 ? 'row' : 'rows'} for the message at offset ${offset}`
  return new CheckpointError(
    'ERR_CASSANDRA_REPLAY_DIFFERS',
    `${returned}, but the first ${written} of more rows are already written. Nothing of this message was written now. ` +
      '`row` must return the same rows each time: start again with the one that did',
  )
}
