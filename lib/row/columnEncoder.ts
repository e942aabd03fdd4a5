import type { Column } from '../table/schema.ts'
import { type Target, takesMore } from '../table/target.ts'
import type { Bytes } from '../value/bytes.ts'
import { type Encoder, encoderFor } from '../value/encoder.ts'
import { named, Refusal } from '../value/refusal.ts'
import { valueRefused } from './rowRefusal.ts'

/** A column's encoder, with everything that does not depend on the row. */
export interface ColumnEncoder {
  readonly column: Column
  /** Index of the column among the table's columns. Fields follow after the columns. */
  readonly columnIndex: number
  readonly encode: Encoder
  readonly isKey: boolean
  readonly appends: boolean
  /** Whether each part of the value is a separate cell on the server. */
  readonly isMultiCell: boolean
  readonly isPartitionKey: boolean
  /** Whether a value can be added to the stored one. */
  readonly takesMore: boolean
}

/** @param isRepeatable whether a value must be the same if it is written again with the same write time */
export function columnEncoderFor(column: Column, columnIndex: number, isRepeatable = false): ColumnEncoder {
  const appends = column.type.kind === 'list' && !column.type.frozen
  const isKey = column.kind === 'partition_key' || column.kind === 'clustering'
  return {
    column,
    columnIndex,
    encode: appends && isRepeatable ? listRefused : encoderFor(column.type, isKey),
    isKey,
    appends,
    isMultiCell: 'frozen' in column.type && !column.type.frozen,
    isPartitionKey: column.kind === 'partition_key',
    takesMore: takesMore(column.type),
  }
}

function listRefused(value: unknown): never {
  const refusal = new Refusal(value, 'would be doubled by a replay with the same write time')
  throw named(refusal, value, 'list', 'no value together with `timestamp_column`')
}

/** The encoder of a field. Errors name the field together with its column. */
export function fieldEncoderFor(target: Target, index: number): ColumnEncoder {
  return columnEncoderFor({ ...target, name: `${target.name}.${target.field}` }, index)
}

/** @throws RowError when the column cannot hold the value exactly. */
export function encodeColumn(
  { column, encode }: ColumnEncoder,
  value: unknown,
  index: number,
  out: Bytes,
): void {
  try {
    encode(value, out)
  } catch (error) {
    throw error instanceof Refusal ? valueRefused(column, error, index) : error
  }
}
