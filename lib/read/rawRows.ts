import type { types } from 'cassandra-driver'
import type { Column } from '../table/schema.ts'
import { Bytes } from '../value/bytes.ts'
import { encoderFor } from '../value/encoder.ts'
import type { RawPage } from './pageReader.ts'

/** Rows that the driver has decoded, as the bytes that the server sent: each value preceded by its length. */
export function rawRowsOf(rows: readonly types.Row[], columns: readonly Column[]): RawPage {
  const out = new Bytes(Number.POSITIVE_INFINITY)
  const encoders = columns.map(({ type }) =>
    // The driver leaves such values as they are.
    type.kind === 'unsupported' ? (value: unknown) => value as Buffer : encoded(encoderFor(type)),
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

  function encoded(encode: ReturnType<typeof encoderFor>) {
    return (value: unknown) => {
      out.begin()
      encode(value, out)
      const { slab, start, end } = out.close()
      return slab.subarray(start, end)
    }
  }
}
