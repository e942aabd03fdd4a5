import { describe, expect, it } from 'vitest'
import { EpochRows } from '../../../lib/epoch/epochRows.ts'
import { writeTimeOf } from '../../../lib/row/encodedRow.ts'
import { RowEncoder } from '../../../lib/row/row.ts'
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
  const epoch = new EpochRows(false, 0)
  for (const [i, row] of rows.entries()) epoch.add(encoder.encode(row, i), i)
  return epoch
}

describe('the rows of an epoch', () => {
  it('reserve write times after a row with a list for its retries', () => {
    const epoch = epochOf({ id: 1 }, { id: 2, l: [1] }, { id: 3 }, { id: 4, l: [2] }, { id: 5 })
    const stamps = Array.from(epoch.stampedFrom(1000), writeTimeOf)
    expect(stamps).toEqual([1000, 1001, 1009, 1010, 1018])
    expect(epoch.timestamps).toBe(19)
  })

  it('have the same fingerprint whenever they are written', () => {
    const rows = [{ id: 1 }, { id: 2, l: [1] }]
    const [early, late] = [epochOf(...rows), epochOf(...rows)]
    for (const _ of early.stampedFrom(1000));
    expect(early.blocks).toEqual(late.blocks)
    expect(epochOf({ id: 1, l: null }, { id: 2, l: [1] }).blocks).not.toEqual(late.blocks)
  })
})

describe('a fingerprint', () => {
  const columnsWith = (...names: string[]) => {
    const fields = names.map(name => ({ name, type: name === 'b' ? 'text' : 'int' }))
    return (
      [
        ['id', 'partition_key', 'int'],
        ['u', 'regular', 'frozen<udt>'],
        ['deep', 'regular', 'map<text, frozen<list<vector<frozen<udt>, 2>>>>'],
        ['v', 'regular', 'text'],
      ] as const
    ).map(([name, kind, cql]) => ({ name, kind, cql, type: parseCqlType(cql, () => fields) }))
  }
  const blocksOf = (
    fields: string[],
    ttl: number | undefined,
    table_ttl: number | undefined,
    rows: object[],
    ttl_column: string | undefined = 'ttl',
  ) => {
    const schema = { id: 'id', keyspace: 'ks', name: 't', columns: columnsWith(...fields) }
    const encoder = new RowEncoder(schema, { ...rules, ttl, ttl_column })
    const epoch = new EpochRows(false, table_ttl)
    for (const [i, row] of rows.entries()) epoch.add(encoder.encode(row, i), i)
    return epoch.blocks
  }
  const given = [
    { id: 1, u: { a: 1 }, v: 'x' },
    { id: 2, u: { a: 1, b: 'y' }, ttl: 60 },
    { id: 3, u: null },
  ]
  const deep = [{ id: 4, deep: { k: [[{ a: 1 }, { b: 'z' }]] } }]

  it('equals that of an older release for a seal of that release', () => {
    const old = ['0BlIH6klgp4Ajo8m9p1GZN3cXZnrqIpijd5-NL4UMlo']
    expect(blocksOf(['a', 'b'], 3600, undefined, given)).toEqual(old)
  })

  it('stays the same when a user-defined type gets more fields, at any depth', () => {
    for (const rows of [given, deep]) {
      expect(blocksOf(['a', 'b', 'c', 'd'], 3600, 0, rows)).toEqual(blocksOf(['a', 'b'], 3600, 0, rows))
    }
    const other = [{ id: 4, deep: { k: [[{ a: 1 }, { a: 1, b: 'z' }]] } }]
    expect(blocksOf(['a', 'b'], 3600, 0, other)).not.toEqual(blocksOf(['a', 'b'], 3600, 0, deep))
  })

  it.each([undefined, 0, 3600])(
    'is the same for rows that live forever, whether that is bound or part of the statement: %s of the table',
    table_ttl => {
      const rows = [{ id: 1, v: 'x' }, { id: 2 }]
      const [bound, said] = ['ttl', undefined].map(column => blocksOf(['a'], 0, table_ttl, rows, column))
      expect(said).toEqual(bound)
    },
  )

  it('does not cover the default time to live of the table, but every other one', () => {
    const of = (ttl: number | undefined, table_ttl: number) => blocksOf(['a', 'b'], ttl, table_ttl, given)
    expect(of(3600, 3600)).toEqual(of(undefined, 0))
    expect(of(3600, 0)).not.toEqual(of(undefined, 0))
    expect(of(60, 60)).not.toEqual(of(undefined, 0))
  })
})
