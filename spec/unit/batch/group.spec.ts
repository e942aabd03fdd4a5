import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BatchBy, groupRows, type ReplicaSetOf } from '../../../lib/batch/group.ts'
import { byteLengthOf, type EncodedRow } from '../../../lib/row/encodedRow.ts'
import { partitionKeyOf } from '../../../lib/row/partitionKey.ts'
import { anyFlush, encodeAll, partitionOf } from './rows.ts'

/** Three replica sets, by the key modulo three. */
const threeSets: ReplicaSetOf = row => `set ${partitionKeyOf(row).readInt32BE() % 3}`
const everyBatchBy: readonly BatchBy[] = ['partition', 'replicas', 'none']
const distinct = (rows: readonly EncodedRow[], of: (row: EncodedRow) => unknown) => new Set(rows.map(of)).size

describe('cutting a flush into requests', () => {
  it.each(everyBatchBy)('has every row in exactly one request, by %s', batchBy => {
    fc.assert(
      fc.property(anyFlush, rows => {
        const found = groupRows(rows, batchBy, threeSets).flatMap(group => group.rows)
        expect(found.length).toBe(rows.length)
        expect(new Set(found)).toEqual(new Set(rows))
      }),
    )
  })

  it.each(everyBatchBy)(
    'makes requests with one statement and one of the prepared numbers of rows, by %s',
    batchBy => {
      fc.assert(
        fc.property(anyFlush, rows => {
          for (const group of groupRows(rows, batchBy, threeSets)) {
            expect(distinct(group.rows, row => row.statement)).toBe(1)
            expect(group.rows[0]?.statement.rowsFor(group.rows.length)).toBe(group.rows.length)
          }
        }),
      )
    },
  )

  it.each(everyBatchBy)('knows the bytes of each request, by %s', batchBy => {
    fc.assert(
      fc.property(anyFlush, rows => {
        for (const { rows: own, bytes } of groupRows(rows, batchBy, threeSets)) {
          expect(bytes).toBe(own.reduce((sum, row) => sum + byteLengthOf(row), 0))
        }
      }),
    )
  })

  it.each(everyBatchBy)('limits the bytes of a request with more than one row, by %s', batchBy => {
    fc.assert(
      fc.property(anyFlush, rows => {
        for (const group of groupRows(rows, batchBy, threeSets)) {
          if (group.rows.length > 1) expect(group.bytes).toBeLessThanOrEqual(64 * 1024)
        }
      }),
    )
  })

  it.each(everyBatchBy)('keeps the rows of one partition in their order within a request, by %s', batchBy => {
    fc.assert(
      fc.property(anyFlush, rows => {
        for (const group of groupRows(rows, batchBy, threeSets)) {
          const last = new Map<number, number>()
          for (const row of group.rows) {
            expect(row.index).toBeGreaterThan(last.get(partitionOf(row)) ?? -1)
            last.set(partitionOf(row), row.index)
          }
        }
      }),
    )
  })

  it('gives each row its own request, by none', () => {
    const rows = encodeAll([
      { p: 1, c: 1 },
      { p: 1, c: 2 },
    ])
    expect(groupRows(rows, 'none', threeSets).map(group => group.rows)).toEqual(rows.map(row => [row]))
  })

  it('puts no two partitions into one request, by partition', () => {
    fc.assert(
      fc.property(anyFlush, rows => {
        for (const group of groupRows(rows, 'partition', threeSets)) {
          expect(distinct(group.rows, partitionOf)).toBe(1)
        }
      }),
    )
  })

  it('puts no partitions of different nodes into one request, by replicas', () => {
    fc.assert(
      fc.property(anyFlush, rows => {
        for (const group of groupRows(rows, 'replicas', threeSets)) {
          expect(distinct(group.rows, threeSets)).toBe(1)
        }
      }),
    )
  })

  it('keeps a request of several partitions below the limits of server warnings, by replicas', () => {
    let mixed = 0
    fc.assert(
      fc.property(anyFlush, rows => {
        for (const group of groupRows(rows, 'replicas', threeSets)) {
          const partitions = distinct(group.rows, partitionOf)
          if (partitions === 1) continue
          mixed++
          expect(partitions).toBeLessThanOrEqual(10)
          expect(group.rows.reduce((sum, row) => sum + row.weight, 0)).toBeLessThan(5 * 1024)
        }
      }),
    )
    expect(mixed).toBeGreaterThan(10)
  })

  it('puts small rows of partitions with the same nodes into one request, by replicas', () => {
    const rows = encodeAll(Array.from({ length: 30 }, (_, p) => ({ p, c: 0, v: 'x' })))
    const groups = groupRows(rows, 'replicas', () => 'all')
    expect(groups.length).toBeLessThanOrEqual(6)
    expect(groupRows(rows, 'partition', () => 'all').length).toBe(30)
  })
})
