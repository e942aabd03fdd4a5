import { wordsOf } from '../cluster/failure.ts'
import { RowError } from '../errors.ts'
import type { KafkaMessage } from '../options/kafkaClient.ts'
import type { KafkaSettings } from '../options/kafkaSettings.ts'

type RowSettings = Pick<KafkaSettings, 'row' | 'tombstones' | 'operation_column' | 'delete_flag'>

/** Property that tells deletes where the options name none. No column has it by accident. */
const OWN_OPERATION = '\u0000operation'

/** The property that tells deletes of tombstones, where the sink brings one. */
export function operationColumnOf({
  tombstones,
  operation_column,
  delete_flag,
}: Omit<RowSettings, 'row'>): string | undefined {
  const isOwn = tombstones === 'delete' && operation_column === undefined && delete_flag === undefined
  return isOwn ? OWN_OPERATION : operation_column
}

/** A message → its rows. */
export class MessageRows {
  readonly #row: RowSettings['row']
  /** What a row of a tombstone says beside its key, and what each other row says. */
  readonly #deleted: object | undefined
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

  /** @throws what `row` throws, and TypeError where it gives something else than rows */
  of(message: KafkaMessage): readonly object[] {
    const given: unknown = this.#row(message)
    if (given === null || given === undefined) return []
    if (given instanceof Promise) {
      // It is refused here; its own failure must not end the process.
      given.catch(() => {})
      throw new TypeError('Expected `row` to return a row, got a Promise: it must not be async')
    }
    const more = message.value === null ? this.#deleted : this.#stored
    const rows: readonly unknown[] = Array.isArray(given) ? given : [given]
    return rows.map(row => {
      // Anything else is refused where its turn comes.
      const isPlain = typeof row === 'object' && row !== null && !Array.isArray(row)
      return more === undefined || !isPlain ? (row as object) : { ...row, ...more }
    })
  }
}

/** A row as `row` gave it. */
export function withoutOwnOperation(row: object | undefined): object | undefined {
  if (row === undefined || !Object.hasOwn(row, OWN_OPERATION)) return row
  const { [OWN_OPERATION]: _, ...given } = row as Record<string, unknown>
  return given
}

/** Why a message has no rows. */
export function messageRefused(message: KafkaMessage, row_index: number, cause: unknown): RowError {
  const { topic, partition, offset } = message
  return new RowError(
    'ERR_CASSANDRA_KAFKA_MESSAGE',
    `\`row\` failed for the message at offset ${offset} of ${topic}/${partition}: ${wordsOf(cause)}`,
    { row_index },
    { cause },
  )
}
