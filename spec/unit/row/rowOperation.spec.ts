import { describe, expect, it } from 'vitest'
import { RowError } from '../../../lib/index.ts'
import {
  age,
  type EncodedRow,
  hasValueFor,
  stamp,
  valuesOf,
  writeTimeOf,
} from '../../../lib/row/encodedRow.ts'
import { partitionKeyOf } from '../../../lib/row/partitionKey.ts'
import { rebind } from '../../../lib/row/rebind.ts'
import { RowEncoder, type RowRules } from '../../../lib/row/row.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { ColumnKind, TableSchema } from '../../../lib/table/schema.ts'
import { targetName } from '../../../lib/table/target.ts'
import { unset } from '../../../lib/value/bind.ts'

type Definition = Record<string, readonly [cql: string, kind?: ColumnKind]>

const pair = [
  { name: 'a', type: 'int' },
  { name: 'b', type: 'int' },
]

function table(definition: Definition): TableSchema {
  return {
    id: 'id',
    keyspace: 'ks',
    name: 't',
    columns: Object.entries(definition).map(([name, [cql, kind = 'regular']]) => ({
      name,
      kind,
      cql,
      type: parseCqlType(cql, type => (type === 'pair' ? pair : undefined)),
    })),
  }
}

const full = table({
  p: ['int', 'partition_key'],
  q: ['text', 'partition_key'],
  c: ['text', 'clustering'],
  s: ['set<int>', 'static'],
  a: ['int'],
  l: ['list<int>'],
  m: ['map<text, int>'],
  u: ['pair'],
})

const rules: RowRules = {
  delete_flag: undefined,
  operation_column: 'op',
  ttl: undefined,
  ttl_column: 'ttl',
  timestamp_column: 'at',
  allow_any_timestamp: true,
  nulls: 'write',
  max_row_bytes: 1_000_000,
}

const encode = (row: object, more: Partial<RowRules> = {}, schema = full) =>
  new RowEncoder(schema, { ...rules, ...more }).encode({ p: 1, q: 'x', at: 7, ttl: 60, ...row }, 3)

/** The bound values by names of columns and fields. */
function bound(row: EncodedRow): Record<string, unknown> {
  const { columns, valuesIndex } = row.statement
  const values = valuesOf(row)
  return Object.fromEntries(
    columns.map((column, i) => [targetName(column).replace('\n', '.'), values[valuesIndex + i]]),
  )
}

function refusal(act: () => unknown): RowError {
  try {
    act()
  } catch (error) {
    if (error instanceof RowError) return error
    throw error
  }
  throw new Error('Expected the row to be refused')
}

const int = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const key = { p: int(1), q: Buffer.from('x'), c: Buffer.from('y') }
const composite = Buffer.from('00040000000100' + '00017800', 'hex')

describe('a row that is updated', () => {
  it('binds its write time and time to live first, and its key last', () => {
    const row = encode({ c: 'y', op: 'update', a: 5, l: [1], m: null })
    expect(bound(row)).toEqual({
      s: unset,
      a: int(5),
      l: Buffer.from('000000010000000400000001', 'hex'),
      m: null,
      u: unset,
      ...key,
    })
    expect(Object.keys(bound(row)).slice(-3)).toEqual(['p', 'q', 'c'])
    expect(row.statement).toMatchObject({ timestampIndex: 0, ttlIndex: 1, valuesIndex: 2 })
    expect(valuesOf(row).slice(0, 2)).toEqual([Buffer.from('0000000000000007', 'hex'), int(60)])
    expect(row.appends).toBe(true)
  })

  it('is routed by its partition key', () => {
    expect(partitionKeyOf(encode({ c: 'y', op: 'update', a: 5 }))).toEqual(composite)
    expect(partitionKeyOf(encode({ op: 'append', s: [5] }))).toEqual(composite)
  })

  it('is stamped at the right place, and so is its shortened time to live', () => {
    const row = encode({ c: 'y', op: 'update', a: 5 })
    stamp(row, 99)
    age(row, 13)
    expect(writeTimeOf(row)).toBe(99)
    expect(valuesOf(row).slice(0, 2)).toEqual([Buffer.from('0000000000000063', 'hex'), int(47)])
    expect(bound(row)).toMatchObject({ a: int(5), ...key })
  })

  it('needs no clustering key for static columns only', () => {
    expect(bound(encode({ op: 'update', s: [5] }))).toEqual({
      s: Buffer.from('000000010000000400000005', 'hex'),
      p: key.p,
      q: key.q,
    })
    expect(refusal(() => encode({ op: 'update', a: 5 }))).toMatchObject({
      code: 'ERR_CASSANDRA_KEY_MISSING',
      column: 'c',
    })
  })

  it('knows whether it has a value for a column, wherever that is bound', () => {
    const row = encode({ c: 'y', op: 'append', a: 5, l: null, u: { b: 2 } })
    const has = (column: string) => hasValueFor(row, column)
    expect(['p', 'a', 'u', 'l', 'm', 's'].map(has)).toEqual([true, true, true, false, false, false])
  })
})

describe('a row that is appended', () => {
  it('adds to sets and maps, and sets the given fields of user-defined types one by one', () => {
    const row = encode({ c: 'y', op: 'append', m: { k: 1 }, u: { b: 2 } })
    expect(row.statement.text(1)).toBe(
      'UPDATE "ks"."t" USING TIMESTAMP ? AND TTL ? SET "s" = "s" + (set<int>)?, "a" = (int)?, "l" = (list<int>)?, ' +
        '"m" = "m" + (map<text, int>)?, "u"."a" = (int)?, "u"."b" = (int)? ' +
        'WHERE "p" = (int)? AND "q" = (text)? AND "c" = (text)?',
    )
    expect(bound(row)).toMatchObject({ 'u.a': unset, 'u.b': int(2), s: unset, ...key })
    expect(row.appends).toBe(false)
  })

  it('with null adds nothing to a set or map, and empties other columns and fields', () => {
    const row = encode({ c: 'y', op: 'append', m: null, u: { a: null }, a: null })
    expect(bound(row)).toMatchObject({ m: unset, 'u.a': null, 'u.b': unset, a: null })
    expect(bound(encode({ c: 'y', op: 'append', u: null }))).toMatchObject({ 'u.a': unset, 'u.b': unset })
  })

  it.each([
    [{ u: { z: 1 } }, 'u', /has "z", which is no field of the type; expected .* some of the fields a, b/],
    [{ u: 'text' }, 'u', /expected an object or Map with some of the fields/],
    [{ u: { a: 'x' } }, 'u.a', /column `u\.a` \(int\): "x"/],
  ])('is refused with %j', (given, column, message) => {
    const error = refusal(() => encode({ c: 'y', op: 'append', ...given }))
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_VALUE', column, row_index: 3 })
    expect(error.message).toMatch(message)
  })
})

describe('the operation of a row', () => {
  it('is named in any case, and never written', () => {
    const names = ['insert', 'UPDATE', 'Append', 'delete'].map(
      op => encode({ c: 'y', op, ...(op !== 'delete' && { a: 1 }) }).statement.operation.name,
    )
    expect(names).toEqual(['insert', 'update', 'append', 'delete'])
  })

  it.each([
    ['upsert', '"upsert"'],
    ['insert_static', '"insert_static"'],
    [undefined, 'undefined'],
    [null, 'null'],
    [1, '1'],
    ['toString', '"toString"'],
  ])('is refused if it is %j', (op, shown) => {
    expect(refusal(() => encode({ c: 'y', op }))).toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
      column: 'op',
      message: `Row 3 (counted from 0 in this stream), column \`op\`: got ${shown}; expected insert, update, append or delete`,
    })
  })

  it('is refused if it would update a table with key columns only', () => {
    const keys = table({ p: ['int', 'partition_key'], q: ['text', 'partition_key'] })
    expect(refusal(() => encode({ op: 'update' }, {}, keys)).message).toBe(
      'Row 3 (counted from 0 in this stream), column `op`: got "update"; expected insert or delete: a table of key columns alone has nothing to update',
    )
    expect(encode({ op: 'insert' }, {}, keys).statement.operation.name).toBe('insert')
  })
})

describe('an update that is bound again', () => {
  it.each(['update', 'append'])('by %s equals the row that the encoder makes for the changed table', op => {
    const { columns } = full
    const now = { ...full, columns: columns.filter(({ name }) => name !== 'm') }
    const given = { c: 'y', op, a: 5, u: { a: 1, b: 2 } }
    const wanted = encode(given, {}, now)
    const found = rebind(encode(given), wanted.statement)
    if (!('slab' in found)) throw new Error('the row is refused')
    expect(valuesOf(found)).toEqual(valuesOf(wanted))
    expect(partitionKeyOf(found)).toEqual(partitionKeyOf(wanted))
    expect(writeTimeOf(found)).toBe(7)
    age(found, 13)
    expect(valuesOf(found)[1]).toEqual(int(47))
    expect(rebind(encode({ ...given, m: { k: 1 } }), wanted.statement)).toMatchObject({ name: 'm' })
  })
})
