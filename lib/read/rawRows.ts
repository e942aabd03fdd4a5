import type { types } from 'cassandra-driver'
import type { Column } from '../table/schema.ts'
import { Bytes } from '../value/bytes.ts'
import { type Encoder, encoderFor } from '../value/encoder.ts'
import { encodeDecoded } from './decodedByDriver.ts'
import type { RawPage } from './rawPage.ts'

/**
 * Rows that the driver has decoded, as the bytes that the server sent: each value preceded by its length.
 * @throws ReadError if the driver may have lost a part of a value
 */
export function rawRowsOf(rows: readonly types.Row[], columns: readonly Column[]): RawPage {
  const out = new Bytes(Number.POSITIVE_INFINITY)
  const encoders = columns.map(column =>
    // The driver leaves such values as they are.
    column.type.kind === 'unsupported'
      ? (value: unknown) => value as Buffer
      : encoded(column, encoderFor(column.type)),
  )
  const parts = rows.flatMap(row =>
    encoders.flatMap((bytesOf, i) => {
      const bytes = bytesOf(row.get(i))
      const length = Buffer.alloc(4)
      length.writeInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
  return { bytes: Buffer.concat(parts), start: 0, length: rows.length }

  function encoded(column: Column, encode: Encoder) {
    return (value: unknown) => {
      out.begin()
      encodeDecoded(column, encode, value, out)
      const { slab, start, end } = out.close()
      return slab.subarray(start, end)
    }
  }
}
