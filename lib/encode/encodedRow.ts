import type { Statement } from '../table/statement.ts'
import type { BindValue } from './bind.ts'
import { int64 } from './integers.ts'
import { LIST_TIMESTAMPS } from './using.ts'

/** A row as bytes, ready to be bound. Nothing of the caller's object is kept. */
export interface EncodedRow {
  /** Place in the order of arrival, from 0. */
  readonly index: number
  readonly statement: Statement
  /** In bind order. The slot of the timestamp waits for {@link stamp}, unless the row brought its own. */
  readonly values: BindValue[]
  readonly partitionKey: Buffer
  /** Size in bytes of all values with their length prefixes. */
  readonly bytes: number
  /** Bytes that the server counts for it against `batch_size_warn_threshold`, its partition apart. */
  readonly weight: number
  /** Writing it twice with one timestamp would double a non-frozen list (CASSANDRA-11368). */
  readonly appends: boolean
}

/** Microseconds that a row takes up in the order. */
export function timestampsOf(row: EncodedRow): number {
  return row.appends ? LIST_TIMESTAMPS : 1
}

/** Gives a row its write time in microseconds since 1970. */
export function stamp(row: EncodedRow, timestamp: number): void {
  row.values[row.statement.timestampIndex] = int64(timestamp, timestamp, 'bigint')
}

/** Moves a row's write time on by one microsecond. The bytes sent before are left as they are. */
export function restamp(row: EncodedRow): void {
  const bytes = Buffer.allocUnsafe(8)
  const { timestampIndex } = row.statement
  bytes.writeBigInt64BE((row.values[timestampIndex] as Buffer).readBigInt64BE() + 1n)
  row.values[timestampIndex] = bytes
}
