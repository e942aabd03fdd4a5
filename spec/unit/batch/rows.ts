import fc from 'fast-check'
import type { EncodedRow } from '../../../lib/row/encodedRow.ts'
import { partitionKeyOf } from '../../../lib/row/partitionKey.ts'
import { RowEncoder } from '../../../lib/row/row.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { ColumnKind, TableSchema } from '../../../lib/table/schema.ts'

function column(name: string, kind: ColumnKind, cql: string) {
  return { name, kind, cql, type: parseCqlType(cql, () => undefined) }
}

/** A table of one partition key, one clustering key, a static and a regular column. */
export const schema: TableSchema = {
  id: 'id',
  keyspace: 'ks',
  name: 't',
  columns: [
    column('p', 'partition_key', 'int'),
    column('c', 'clustering', 'int'),
    column('s', 'static', 'text'),
    column('v', 'regular', 'text'),
  ],
}

export const rules = {
  delete_flag: { column: 'op', value: 'delete' },
  ttl: undefined,
  ttl_column: undefined,
  timestamp_column: undefined,
  nulls: 'write',
  max_row_bytes: 1_000_000,
} as const

/** Encodes rows like a sink, numbered from 0. */
export function encodeAll(rows: readonly object[]): EncodedRow[] {
  const encoder = new RowEncoder(schema, rules)
  return rows.map((row, index) => encoder.encode({ op: '', ...row }, index))
}

/** Flushes of inserts, deletes and static rows of few or many partitions, with small and large values. */
export const anyFlush: fc.Arbitrary<EncodedRow[]> = fc
  .record({
    partitions: fc.integer({ min: 1, max: 40 }),
    rows: fc.array(
      fc.record({
        partition: fc.nat(),
        size: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 3_000 }), fc.nat({ max: 40_000 })),
        form: fc.constantFrom('insert', 'insert', 'insert', 'delete', 'static'),
      }),
      { maxLength: 300 },
    ),
  })
  .map(({ partitions, rows }) =>
    encodeAll(
      rows.map(({ partition, size, form }, c) => {
        const p = partition % partitions
        if (form === 'static') return { p, s: 's'.repeat(size) }
        return form === 'delete' ? { p, c, op: 'delete' } : { p, c, v: 'v'.repeat(size) }
      }),
    ),
  )

export const partitionOf = (row: EncodedRow) => partitionKeyOf(row).readInt32BE()
