import { describe, expect, it } from 'vitest'
import { byteLengthOf, valuesOf } from '../../../lib/row/encodedRow.ts'
import { partitionKeyOf } from '../../../lib/row/partitionKey.ts'
import { rebind } from '../../../lib/row/rebind.ts'
import { RowEncoder } from '../../../lib/row/row.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import { operations } from '../../../lib/table/operations.ts'
import type { TableSchema } from '../../../lib/table/schema.ts'
import { Statement } from '../../../lib/table/statement.ts'

function table(...names: string[]): TableSchema {
  const kindOf = (name: string) =>
    name.startsWith('p') ? 'partition_key' : name === 'c' ? 'clustering' : 'regular'
  return {
    id: 'id',
    keyspace: 'ks',
    name: 't',
    columns: names.map(name => ({
      name,
      kind: kindOf(name),
      cql: 'text',
      type: parseCqlType('text', () => undefined),
    })),
  }
}

const rules = {
  delete_flag: undefined,
  ttl: 60,
  ttl_column: undefined,
  timestamp_column: 'at',
  allow_any_timestamp: true,
  nulls: 'write' as const,
  max_row_bytes: 1000,
}
const before = table('p1', 'p2', 'c', 'gone', 'v', 'w')
const encode = (row: object) =>
  new RowEncoder(before, rules).encode({ p1: 'a', p2: 'bb', c: 'cc', at: 7, ...row }, 3)
const insert = (now: TableSchema) => new Statement(operations.insert, now, 'bound')

describe('a row that is bound again', () => {
  it('equals the row that the encoder makes for the changed table', () => {
    const now = table('p1', 'p2', 'c', 'added', 'v', 'w')
    const bound = rebind(encode({ v: 'x', w: null }), insert(now))
    if (!('slab' in bound)) throw new Error('the row is refused')
    const wanted = new RowEncoder(now, rules).encode(
      { p1: 'a', p2: 'bb', c: 'cc', at: 7, v: 'x', w: null },
      3,
    )
    expect(valuesOf(bound)).toEqual(valuesOf(wanted))
    expect(partitionKeyOf(bound)).toEqual(partitionKeyOf(wanted))
    expect(bound.slab.readBigInt64BE(bound.timestampAt)).toBe(7n)
    expect(byteLengthOf(bound)).toBe(byteLengthOf(wanted))
    expect(bound.index).toBe(3)
  })

  it.each([['x'], [null], ['']])('is refused with %j for a dropped column', gone => {
    expect(rebind(encode({ gone }), insert(table('p1', 'p2', 'c', 'v', 'w')))).toMatchObject({ name: 'gone' })
  })
})
