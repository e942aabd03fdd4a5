import { describe, expect, it } from 'vitest'
import { RowEncoder } from '../../../lib/encode/row.ts'
import { EpochRows } from '../../../lib/sink/epochRows.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'

const columns = [
  { name: 'id', kind: 'partition_key' as const, cql: 'int' },
  { name: 'l', kind: 'regular' as const, cql: 'list<int>' },
].map(column => ({ ...column, type: parseCqlType(column.cql, () => undefined) }))

const rules = {
  delete_flag: undefined,
  ttl: undefined,
  ttl_column: undefined,
  timestamp_column: undefined,
  nulls: 'write' as const,
  max_row_bytes: 1000,
}

function epochOf(...rows: object[]): EpochRows {
  const encoder = new RowEncoder({ id: 'id', keyspace: 'ks', name: 't', columns }, rules)
  const epoch = new EpochRows(false)
  for (const [i, row] of rows.entries()) epoch.add(encoder.encode(row, i), i)
  return epoch
}

describe('the rows of an epoch', () => {
  it('leave room behind a row with a list for each time it may be sent', () => {
    const epoch = epochOf({ id: 1 }, { id: 2, l: [1] }, { id: 3 }, { id: 4, l: [2] }, { id: 5 })
    epoch.stampFrom(1000)
    const stamps = epoch.rows.map(({ slab, timestampAt }) => Number(slab.readBigInt64BE(timestampAt)))
    expect(stamps).toEqual([1000, 1001, 1009, 1010, 1018])
    expect(epoch.timestamps).toBe(19)
  })

  it('have one fingerprint whenever they are written', () => {
    const rows = [{ id: 1 }, { id: 2, l: [1] }]
    const [early, late] = [epochOf(...rows), epochOf(...rows)]
    early.stampFrom(1000)
    expect(early.blocks).toEqual(late.blocks)
    expect(epochOf({ id: 1, l: null }, { id: 2, l: [1] }).blocks).not.toEqual(late.blocks)
  })
})
