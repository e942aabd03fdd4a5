import type { Statement } from '../table/statement.ts'
import { type BindValue, NULL_LENGTH, UNSET_LENGTH, unset } from '../value/bind.ts'
import { setInt64 } from '../value/bytes.ts'
import type { GivenRow } from './givenRow.ts'
import type { KeyedRow } from './partitionKey.ts'
import { LIST_TIMESTAMPS } from './using.ts'

/** A row as bytes, in the form in which the native protocol binds values. */
export interface EncodedRow extends KeyedRow {
  /** Number in the order of arrival, counted from 0. */
  readonly index: number
  readonly statement: Statement
  /** Start and end of the row in its slab: its values in bind order, each preceded by its length in 4 bytes. */
  readonly start: number
  readonly end: number
  /** Offset of the 8 bytes of the write time in the slab. {@link stamp} fills them, unless the row brought its own time. */
  readonly timestampAt: number
  /** Bytes that the server counts for the row against `batch_size_warn_threshold`, without those of its partition. */
  readonly weight: number
  /** Whether writing the row twice with one timestamp would double a non-frozen list (CASSANDRA-11368). */
  readonly appends: boolean
  /** The row that `on_bad_row` gets if Cassandra refuses it. */
  given: GivenRow | undefined
}

/** Size in bytes of all values with their length prefixes. */
export function byteLengthOf({ start, end }: EncodedRow): number {
  return end - start
}

/** Bytes that a row holds in memory: its values, and the row as it was given if that is kept. */
export function heldBytesOf(row: EncodedRow): number {
  return byteLengthOf(row) + (row.given === undefined ? 0 : row.given.bytes)
}

/** Microseconds that a row occupies in the order. */
export function timestampsOf(row: EncodedRow): number {
  return row.appends ? LIST_TIMESTAMPS : 1
}

/**
 * Moves rows into memory of their own. Otherwise a row keeps its whole slab alive, and with it the bytes of rows that were
 * written long ago.
 */
export function detach(rows: readonly EncodedRow[]): void {
  let size = 0
  for (const row of rows) size += byteLengthOf(row)
  const slab = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const row of rows as readonly Movable[]) {
    const { start } = row
    const moved = at - start
    at += row.slab.copy(slab, at, start, row.end)
    row.slab = slab
    row.start += moved
    row.end += moved
    row.keyStart += moved
    row.keyEnd += moved
    row.timestampAt += moved
  }
}

type Movable = { -readonly [Name in keyof EncodedRow]: EncodedRow[Name] }

/** Gives a row its write time in microseconds since 1970. */
export function stamp(row: EncodedRow, timestamp: number): void {
  setInt64(row.slab, row.timestampAt, timestamp)
}

/** A row's write time in microseconds since 1970. */
export function writeTimeOf({ slab, timestampAt }: EncodedRow): number {
  return Number(slab.readBigInt64BE(timestampAt))
}

/** Adds one microsecond to a row's write time. A request that was already sent has a copy of the bytes. */
export function restamp({ slab, timestampAt }: EncodedRow): void {
  setInt64(slab, timestampAt, slab.readBigInt64BE(timestampAt) + 1n)
}

/** Subtracts seconds from a row's time to live. At least 1 is left, because 0 means forever. A 0 stays 0. */
export function age({ statement, slab, timestampAt }: EncodedRow, seconds: number): void {
  const at = timestampAt + 8
  if (statement.ttlIndex === undefined || slab.readInt32BE(at) < 0) return
  const ttl = slab.readInt32BE(at + 4)
  if (ttl > 0) slab.writeInt32BE(Math.max(1, ttl - seconds), at + 4)
}

/** Whether a row has a value for a column: neither null nor unset. */
export function hasValueFor(row: EncodedRow, column: string): boolean {
  const { columns, valuesIndex } = row.statement
  const values = valuesOf(row)
  return columns.some(({ name }, i) => name === column && Buffer.isBuffer(values[valuesIndex + i]))
}

/** The bound values one by one, as a copy: a repeat of the row changes its bytes while the driver may still wait. */
export function valuesOf(row: EncodedRow): BindValue[] {
  const slab = Buffer.from(row.slab.subarray(row.start, row.end))
  const values: BindValue[] = []
  for (let at = 0; at < slab.length; ) {
    const length = slab.readInt32BE(at)
    at += 4
    if (length === NULL_LENGTH) values.push(null)
    else if (length === UNSET_LENGTH) values.push(unset)
    else {
      values.push(slab.subarray(at, at + length))
      at += length
    }
  }
  return values
}
