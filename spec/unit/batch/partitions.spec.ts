import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partitionsOf } from '../../../lib/batch/partitions.ts'
import type { EncodedRow } from '../../../lib/row/encodedRow.ts'
import { anyFlush, encodeAll, partitionOf } from './rows.ts'

const indexesOf = (partitions: readonly EncodedRow[][]) =>
  partitions.map(rows => rows.map(({ index }) => index))

/** The expected partitions, from a Map, which keeps the order in which keys were first set. */
function byMap(rows: readonly EncodedRow[]): EncodedRow[][] {
  const found = new Map<string, EncodedRow[]>()
  for (const row of rows) {
    const name = `${row.statement.operation.name} ${partitionOf(row)}`
    found.set(name, [...(found.get(name) ?? []), row])
  }
  return [...found.values()]
}

describe('the partitions of a flush', () => {
  it('are separate per operation, in the order in which they were first seen', () => {
    fc.assert(
      fc.property(anyFlush, rows => {
        expect(indexesOf(partitionsOf(rows))).toEqual(indexesOf(byMap(rows)))
      }),
    )
  })

  it('are distinguished if every row has its own', () => {
    const rows = encodeAll(Array.from({ length: 5_000 }, (_, p) => ({ p: p * 100_003, c: 1 })))
    expect(indexesOf(partitionsOf(rows))).toEqual(rows.map(({ index }) => [index]))
  })

  it('are found among many others', () => {
    const rows = encodeAll(Array.from({ length: 10_000 }, (_, i) => ({ p: i % 2_500, c: i })))
    expect(indexesOf(partitionsOf(rows))).toEqual(indexesOf(byMap(rows)))
  })

  it('are none without rows', () => {
    expect(partitionsOf([])).toEqual([])
  })
})
