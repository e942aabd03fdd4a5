import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowError } from '../../../lib/index.ts'
import { byteLengthOf, type EncodedRow, restamp, stamp, valuesOf } from '../../../lib/row/encodedRow.ts'
import { partitionKeyOf } from '../../../lib/row/partitionKey.ts'
import { RowEncoder, type RowRules } from '../../../lib/row/row.ts'
import { mayBeNewInSchema } from '../../../lib/row/rowRefusal.ts'
import { snapshotOf } from '../../../lib/row/snapshot.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { Column, ColumnKind, TableSchema } from '../../../lib/table/schema.ts'
import { unset } from '../../../lib/value/bind.ts'
import { cpuOf } from '../value/cpu.ts'

type Definition = Record<string, readonly [cql: string, kind?: ColumnKind]>

function table(definition: Definition): TableSchema {
  return {
    id: 'id',
    keyspace: 'ks',
    name: 't',
    columns: Object.entries(definition).map(([name, [cql, kind = 'regular']]) => ({
      name,
      kind,
      cql,
      type: parseCqlType(cql, () => undefined),
    })),
  }
}

const plain: RowRules = {
  delete_flag: undefined,
  ttl: undefined,
  ttl_column: undefined,
  timestamp_column: undefined,
  nulls: 'write',
  max_row_bytes: 1_000_000,
}

const full = table({
  p: ['int', 'partition_key'],
  c: ['text', 'clustering'],
  s: ['int', 'static'],
  a: ['int'],
  b: ['text'],
})

const encoderOf = (rules: Partial<RowRules> = {}, schema = full) =>
  new RowEncoder(schema, { ...plain, ...rules })

/** The bound values of a row by column name. */
function bound(row: EncodedRow): Record<string, unknown> {
  const { statement } = row
  const values = valuesOf(row)
  const from = statement.operation.name === 'delete' ? 1 : 0
  return Object.fromEntries(statement.columns.map(({ name }, i) => [name, values[from + i]]))
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

describe('a row that is inserted', () => {
  it('binds a value for each column, whatever the order of its properties', () => {
    const row = encoderOf().encode({ b: 'two', a: 1, c: 'key', p: 7, s: 3 }, 5)
    expect(row.index).toBe(5)
    expect(row.statement.operation.name).toBe('insert')
    expect(bound(row)).toEqual({
      p: int(7),
      c: Buffer.from('key'),
      s: int(3),
      a: int(1),
      b: Buffer.from('two'),
    })
  })

  it('leaves a column alone if its value is missing or undefined, and writes null as a tombstone', () => {
    const row = encoderOf().encode({ p: 1, c: 'x', a: undefined, b: null }, 0)
    expect(bound(row)).toMatchObject({ s: unset, a: unset, b: null })
  })

  it("also leaves a column alone for null if nulls is 'unset'", () => {
    const row = encoderOf({ nulls: 'unset' }).encode({ p: 1, c: 'x', a: null }, 0)
    expect(bound(row)).toMatchObject({ a: unset })
  })

  it('has the partition key in the form that Cassandra hashes', () => {
    expect(partitionKeyOf(encoderOf().encode({ p: 258, c: 'x' }, 0))).toEqual(int(258))
  })

  it('refers to nothing of the object that it came from', () => {
    const given = { p: 1, c: 'x', b: 'before' }
    const row = encoderOf().encode(given, 0)
    given.b = 'after'
    expect(bound(row)['b']).toEqual(Buffer.from('before'))
  })

  it('is complete even if reading it writes the next row', () => {
    const encoder = encoderOf({}, table({ id: ['int', 'partition_key'], l: ['list<text>'], z: ['text'] }))
    encoder.encode({ id: 0 }, 0)
    let inner: EncodedRow | undefined
    const outer = encoder.encode(
      {
        id: 1,
        z: 'last',
        get l() {
          return {
            *[Symbol.iterator]() {
              yield 'one'
              inner = encoder.encode({ id: 2, l: ['other'], z: 'x'.repeat(300) }, 1)
              yield 'two'
            },
          }
        },
      },
      0,
    )
    const list = (...items: string[]) =>
      Buffer.concat([int(items.length), ...items.flatMap(item => [int(item.length), Buffer.from(item)])])
    expect(bound(outer)).toEqual({ id: int(1), l: list('one', 'two'), z: Buffer.from('last') })
    expect(bound(inner as unknown as EncodedRow)).toEqual({
      id: int(2),
      l: list('other'),
      z: Buffer.from('x'.repeat(300)),
    })
  })

  it('has its own columns even if one of its getters writes a row of another shape', () => {
    const encoder = encoderOf({ delete_flag: { column: 'op', value: 'd' } })
    const outer = encoder.encode(
      {
        get p() {
          encoder.encode({ p: 2, c: 'y', op: 'd' }, 1)
          return 1
        },
        c: 'x',
        a: 5,
        b: 'kept',
        op: '',
      },
      0,
    )
    expect(bound(outer)).toMatchObject({ p: int(1), a: int(5), b: Buffer.from('kept') })
  })

  it('is refused for its size also if the limit is reached between two values', () => {
    const schema = table({ id: ['int', 'partition_key'], v: ['blob'], z: ['int'] })
    for (let less = 0; less < 40; less++) {
      const row = { id: 1, v: Buffer.alloc(16 * 2 ** 20 - less) }
      expect(refusal(() => encoderOf({}, schema).encode(row, 4))).toMatchObject({ row_index: 4 })
    }
  })

  it('may have another shape than the row before', () => {
    const encoder = encoderOf()
    const shapes = [
      { p: 1, c: 'x', a: 1 },
      { p: 1, c: 'x', b: 'y' },
      { c: 'x', p: 1 },
      { p: 1, c: 'x', a: 2 },
    ]
    const values = shapes.map((shape, i) => bound(encoder.encode(shape, i)))
    expect(values[0]).toMatchObject({ a: int(1), b: unset })
    expect(values[1]).toMatchObject({ a: unset, b: Buffer.from('y') })
    expect(values[2]).toMatchObject({ a: unset, b: unset })
    expect(values[3]).toMatchObject({ a: int(2), b: unset })
  })

  it('has a weight of at least the bytes of its values', () => {
    const encoder = encoderOf()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        const row = encoder.encode({ p: 1, c: 'x', b: text }, 0)
        expect(byteLengthOf(row)).toBeGreaterThanOrEqual(Buffer.byteLength(text) + 5)
      }),
    )
  })

  it('is read through own properties only', () => {
    const schema = table(
      Object.fromEntries<Definition[string]>([
        ['id', ['int', 'partition_key']],
        ['constructor', ['text']],
        ['toString', ['text']],
      ]),
    )
    const row = encoderOf({}, schema).encode({ id: 1 }, 0)
    expect(bound(row)).toEqual({ id: int(1), constructor: unset, toString: unset })
    const inherited = Object.create({ a: 5 })
    Object.assign(inherited, { p: 1, c: 'x' })
    expect(bound(encoderOf().encode(inherited, 0))['a']).toBe(unset)
  })

  it('has each property read once, so that a getter cannot give two answers', () => {
    let reads = 0
    const row = {
      p: 1,
      c: 'x',
      get a() {
        return ++reads
      },
    }
    expect(bound(encoderOf().encode(row, 0))['a']).toEqual(int(1))
    expect(reads).toBe(1)
  })
})

describe('a row with static columns only', () => {
  it('needs no clustering key', () => {
    const row = encoderOf().encode({ p: 1, s: 2 }, 0)
    expect(row.statement.operation.name).toBe('insert_static')
    expect(bound(row)).toEqual({ p: int(1), s: int(2) })
  })

  it.each([{ p: 1, s: 2, a: 3 }, { p: 1 }, { p: 1, a: 3 }, { p: 1, c: undefined, a: 1 }])(
    'does not include %j, which needs its clustering key',
    row => {
      expect(refusal(() => encoderOf().encode(row, 0))).toMatchObject({
        code: 'ERR_CASSANDRA_KEY_MISSING',
        column: 'c',
      })
    },
  )
})

describe('a row with the delete flag', () => {
  const encoder = encoderOf({ delete_flag: { column: 'op', value: 'Delete' } })

  it.each(['delete', 'DELETE', 'Delete'])('%s binds the primary key and nothing else', op => {
    const row = encoder.encode({ p: 1, c: 'x', a: 5, op }, 0)
    expect(row.statement.operation.name).toBe('delete')
    expect(bound(row)).toEqual({ p: int(1), c: Buffer.from('x') })
  })

  it.each([['insert'], [''], [null], [0], [{ toString: () => 'delete' }], [['delete']]])(
    '%j is an insert',
    op => {
      expect(encoder.encode({ p: 1, c: 'x', op }, 0).statement.operation.name).toBe('insert')
    },
  )

  it.each([
    ['true', true],
    ['1', 1],
    ['1', 1n],
  ])('"%s" also matches the plain value with that text', (value, op) => {
    const byFlag = encoderOf({ delete_flag: { column: 'op', value } })
    expect(byFlag.encode({ p: 1, c: 'x', op }, 0).statement.operation.name).toBe('delete')
  })

  it('is not checked for its other values, because they are not written', () => {
    expect(() => encoder.encode({ p: 1, c: 'x', a: 'no number', op: 'delete' }, 0)).not.toThrow()
  })

  it('is refused when the flag is missing', () => {
    for (const row of [
      { p: 1, c: 'x' },
      { p: 1, c: 'x', op: undefined },
    ]) {
      expect(refusal(() => encoder.encode(row, 9))).toMatchObject({
        code: 'ERR_CASSANDRA_DELETE_FLAG_MISSING',
        row_index: 9,
        column: 'op',
      })
    }
  })

  it('never writes the flag, even if the table has a column of that name', () => {
    const schema = table({ p: ['int', 'partition_key'], op: ['text'] })
    const rules = { delete_flag: { column: 'op', value: 'delete' } }
    expect(bound(encoderOf(rules, schema).encode({ p: 1, op: 'insert' }, 0))).toEqual({
      p: int(1),
      op: unset,
    })
  })
})

describe('a primary key', () => {
  const deletes = encoderOf({ delete_flag: { column: 'op', value: 'd' } })

  it.each([
    ['p', 'KEY_MISSING', { c: 'x' }],
    ['p', 'KEY_MISSING', { p: undefined, c: 'x' }],
    ['p', 'KEY_NULL', { p: null, c: 'x' }],
    ['c', 'KEY_MISSING', { p: 1, a: 1 }],
    ['c', 'KEY_NULL', { p: 1, c: null }],
  ])('without %s is refused with %s, for inserts and deletes', (column, code, row) => {
    for (const op of ['i', 'd']) {
      expect(refusal(() => deletes.encode({ ...row, op }, 3))).toMatchObject({
        code: `ERR_CASSANDRA_${code}`,
        row_index: 3,
        column,
        cql_type: column === 'p' ? 'int' : 'text',
        expected: 'a value that is not null',
      })
    }
  })

  it('is refused if it is null, whatever nulls says', () => {
    expect(refusal(() => encoderOf({ nulls: 'unset' }).encode({ p: null, c: 'x' }, 0)).code).toBe(
      'ERR_CASSANDRA_KEY_NULL',
    )
  })

  it('may be empty unless it is the only column of the partition key', () => {
    const one = table({ k: ['text', 'partition_key'] })
    expect(refusal(() => encoderOf({}, one).encode({ k: '' }, 0))).toMatchObject({
      code: 'ERR_CASSANDRA_KEY_SIZE',
      column: 'k',
    })
    const two = table({
      k: ['text', 'partition_key'],
      l: ['text', 'partition_key'],
      c: ['text', 'clustering'],
    })
    expect(() => encoderOf({}, two).encode({ k: '', l: '', c: '' }, 0)).not.toThrow()
  })

  it('has at most 65,535 bytes per part of the partition key, and for all clustering columns together', () => {
    const schema = table({
      k: ['text', 'partition_key'],
      c: ['text', 'clustering'],
      d: ['text', 'clustering'],
    })
    const encode = (k: number, c: number, d: number) =>
      encoderOf({}, schema).encode({ k: 'x'.repeat(k), c: 'x'.repeat(c), d: 'x'.repeat(d) }, 0)
    expect(() => encode(65_535, 65_534, 1)).not.toThrow()
    expect(refusal(() => encode(65_536, 1, 1))).toMatchObject({ code: 'ERR_CASSANDRA_KEY_SIZE', column: 'k' })
    expect(refusal(() => encode(1, 65_535, 1))).toMatchObject({ code: 'ERR_CASSANDRA_KEY_SIZE', column: 'd' })
  })
})

describe('a row that cannot be written', () => {
  it.each([
    ['text', 'row', 'go through a parser'],
    ['a Buffer', Buffer.from('{}'), 'go through a parser'],
    ['a Uint8Array', Uint8Array.of(1), 'go through a parser'],
    ['null', null],
    ['an array', [1], 'let a CSV parser name the columns'],
    ['a Map', new Map(), 'Object.fromEntries'],
    ['a Set', new Set()],
    ['a Date', new Date()],
    ['a promise', Promise.resolve({ p: 1 }), 'await it'],
    ['an Error', new Error('x')],
    ['a String object', Object('x')],
    ['a number', 7],
    ['undefined', undefined],
  ])(
    'is refused if it is %s, and the error names that kind',
    (kind, row, advice = 'one property per column') => {
      for (const given of [row, snapshotOf(row)]) {
        const error = refusal(() => encoderOf().encode(given, 2))
        expect(error).toMatchObject({ code: 'ERR_CASSANDRA_ROW_TYPE', row_index: 2 })
        expect(error.message).toMatch(
          new RegExp(
            `^Row 2 \\(counted from 0 in this stream\\) is ${kind}\\b.*; expected an object with one property`,
          ),
        )
        expect(error.message).toContain(advice)
      }
    },
  )

  it('leads to an error with a cause if it cannot be inspected', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(refusal(() => encoderOf().encode(proxy, 1))).toMatchObject({ code: 'ERR_CASSANDRA_VALUE' })
  })

  it.each(['__ttl', '_TTL', 'ttl', 'time_to_live', '__timestamp', '_timestamp', 'writetime'])(
    'leads to an error that names the right option if it has the unknown property %s',
    name => {
      const option = /tt|live/i.test(name) ? 'ttl_column' : 'timestamp_column'
      expect(refusal(() => encoderOf().encode({ p: 1, c: 'x', [name]: 1 }, 0)).message).toContain(
        `\`${option}\``,
      )
    },
  )

  it('leads to a short error with the table, the nearest column and at most ten existing columns', () => {
    const wide = table({
      id: ['int', 'partition_key'],
      ...Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`column_${i}`, ['int']] as const)),
    })
    const { message, expected } = refusal(() => encoderOf({}, wide).encode({ id: 1, Column599: 1 }, 0))
    expect(message).toContain('`ks.t` has no column `Column599`; did you mean `column_599`?')
    expect(expected).toBe(
      'one of id, column_0, column_1, column_2, column_3, column_4, column_5, column_6, column_7, column_8 and 591 others',
    )
    for (const name of ['x'.repeat(100_000), '\u200b'.repeat(5000), '\ud83d\ude00'.repeat(5000)]) {
      expect(refusal(() => encoderOf({}, wide).encode({ id: 1, [name]: 1 }, 0)).message.length).toBeLessThan(
        1500,
      )
    }
  })

  it.each([
    ['\ufeffp', '\\u{feff}p'],
    ['p\r', 'p\\u{d}'],
    ['p\u200b', 'p\\u{200b}'],
    ['p\u00a0', 'p\\u{a0}'],
    ['a\ud800', 'a\\u{d800}'],
  ])('leads to an error that shows invisible characters of the name %j', (name, shown) => {
    const { message, column } = refusal(() => encoderOf().encode({ c: 'x', [name]: 1 }, 0))
    expect(message).toContain(`no column \`${shown}\``)
    expect(column).toBe(name)
  })

  it('leads to an error that says what means no value if text for another type is empty', () => {
    const message = (row: object) => refusal(() => encoderOf().encode({ p: 1, c: 'x', ...row }, 0)).message
    expect(message({ a: '' })).toMatch(/digits; to store no value, give null or no property$/)
    expect(message({ p: '' })).not.toContain('no value')
    expect(message({ a: 'x' })).not.toContain('no value')
    expect(message({ b: 5 })).toBe(
      'Row 0 (counted from 0 in this stream), column `b` (text): 5 is a number; expected a string (half a surrogate pair in it is refused)',
    )
  })

  it('is refused with a value for a column of a custom type, but not without', () => {
    const custom = {
      name: 'v',
      kind: 'regular',
      cql: "'Custom'",
      type: parseCqlType("'Custom'", () => undefined),
    }
    const schema = { ...full, columns: [...full.columns, custom as Column] }
    const encoder = encoderOf({ delete_flag: { column: 'op', value: 'd' } }, schema)
    expect(bound(encoder.encode({ p: 1, c: 'x', v: undefined, op: '' }, 0))).not.toHaveProperty('v')
    expect(encoder.encode({ p: 1, c: 'x', op: '' }, 0).statement.text(1)).not.toContain('Custom')
    expect(() => encoder.encode({ p: 1, c: 'x', v: 1, op: 'd' }, 0)).not.toThrow()
    for (const v of [1, null, 'x']) {
      expect(refusal(() => encoder.encode({ p: 1, c: 'x', v, op: '' }, 3))).toMatchObject({
        code: 'ERR_CASSANDRA_VALUE',
        column: 'v',
        cql_type: "'Custom'",
        expected: 'no such property',
        row_index: 3,
      })
    }
    const error = refusal(() => encoder.encode({ p: 1, c: 'x', v: 1, op: '' }, 3))
    // The type may be a user-defined type that a server with an older schema did not report.
    expect(mayBeNewInSchema(error)).toBe(true)
  })

  it('costs the same per property in a table with many columns as in one with few', () => {
    const encode = (count: number) => {
      const names = Array.from({ length: count }, (_, i) => `c${i}`)
      const wide = table({
        id: ['int', 'partition_key'],
        ...Object.fromEntries(names.map(name => [name, ['int']] as const)),
      })
      const encoder = encoderOf({ max_row_bytes: 2 ** 24 }, wide)
      const rows = [names, names.toReversed()].map(order =>
        Object.fromEntries([['id', 1], ...order.map(name => [name, 1])]),
      )
      // Two orders of the properties in turn, so each row has another shape than the previous one.
      return cpuOf(() => rows.map((row, i) => encoder.encode(row, i)))
    }
    expect(encode(8000) / encode(800)).toBeLessThan(60)
  })

  it('leads to an error with the unknown property and the existing columns', () => {
    const error = refusal(() => encoderOf().encode({ p: 1, c: 'x', A: 1 }, 4))
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_COLUMN_UNKNOWN',
      row_index: 4,
      column: 'A',
      expected: 'one of p, c, s, a, b',
    })
  })

  it('may be newer than the known schema only if it names an unknown column or field', () => {
    const place = [{ name: 'zip', type: 'int' }]
    const type = parseCqlType('frozen<list<frozen<place>>>', () => place)
    const schema = {
      ...full,
      columns: [...full.columns, { name: 'u', kind: 'regular', cql: '', type } as const],
    }
    const mayBeNew = (row: object) =>
      mayBeNewInSchema(refusal(() => encoderOf({}, schema).encode({ p: 1, c: 'x', ...row }, 0)))
    expect(mayBeNew({ d: 1 })).toBe(true)
    expect(mayBeNew({ u: [{ zip: 1, street: 'a' }] })).toBe(true)
    expect(mayBeNew({ u: [{ zip: 'x' }] })).toBe(false)
    expect(mayBeNew({ a: 'x' })).toBe(false)
  })

  it('is refused for an own property __proto__, and not for inherited properties', () => {
    const row = JSON.parse('{"p": 1, "c": "x", "__proto__": 1}')
    expect(refusal(() => encoderOf().encode(row, 0)).column).toBe('__proto__')
  })

  it('leads to an error with the index, column, type and accepted values', () => {
    expect(refusal(() => encoderOf().encode({ p: 1, c: 'x', a: 1.5 }, 6))).toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
      row_index: 6,
      column: 'a',
      cql_type: 'int',
      expected: expect.stringContaining('2147483647'),
    })
  })

  it('leads to an error with the path to a value inside a collection', () => {
    const schema = table({ id: ['int', 'partition_key'], m: ['map<text, frozen<list<int>>>'] })
    const error = refusal(() => encoderOf({}, schema).encode({ id: 1, m: { 'a b': [1, 'x'] } }, 0))
    expect(error).toMatchObject({ column: 'm["a b"][1]', cql_type: 'int' })
  })

  it('is refused if it is larger than max_row_bytes', () => {
    const encoder = encoderOf({ max_row_bytes: 100 })
    expect(() => encoder.encode({ p: 1, c: 'x', b: 'y'.repeat(20) }, 0)).not.toThrow()
    expect(refusal(() => encoder.encode({ p: 1, c: 'x', b: 'y'.repeat(101) }, 8))).toMatchObject({
      code: 'ERR_CASSANDRA_ROW_SIZE',
      row_index: 8,
      message: expect.stringContaining('at most 100 bytes (`max_row_bytes`)'),
    })
  })

  it('leads to an error whose cause is the error of its getter', () => {
    const cause = new Error('lazy loading failed')
    const row = {
      p: 1,
      c: 'x',
      get a() {
        throw cause
      },
    }
    expect(refusal(() => encoderOf().encode(row, 1))).toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
      column: 'a',
      row_index: 1,
      cause,
    })
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw cause
        },
      },
    )
    expect(refusal(() => encoderOf().encode(trap, 1))).toMatchObject({ code: 'ERR_CASSANDRA_VALUE', cause })
  })
})

describe('the write time of a row', () => {
  const timeOf = (row: EncodedRow) => row.slab.readBigInt64BE(row.timestampAt)

  it('is stamped exactly, for every microsecond that a number can represent', () => {
    const encoder = encoderOf({ delete_flag: { column: 'op', value: 'd' } })
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.constantFrom('i', 'd'), (timestamp, op) => {
        const row = encoder.encode({ p: 1, c: 'x', op }, 0)
        stamp(row, timestamp)
        expect(timeOf(row)).toBe(BigInt(timestamp))
      }),
    )
  })

  it('is bound at its place among the values', () => {
    const encoder = encoderOf({ delete_flag: { column: 'op', value: 'd' }, ttl: 7 })
    for (const op of ['i', 'd']) {
      const row = encoder.encode({ p: 1, c: 'x', op }, 0)
      stamp(row, 99)
      expect(valuesOf(row)[row.statement.timestampIndex]).toEqual(Buffer.from([0, 0, 0, 0, 0, 0, 0, 99]))
    }
  })

  it('rises by one microsecond for another attempt', () => {
    const row = encoderOf().encode({ p: 1, c: 'x' }, 0)
    stamp(row, 2 ** 32 - 1)
    restamp(row)
    expect(timeOf(row)).toBe(2n ** 32n)
  })

  it('comes from timestamp_column, which is not written', () => {
    const row = encoderOf({ timestamp_column: 'at', allow_any_timestamp: true }).encode(
      { p: 1, c: 'x', at: 1234n },
      0,
    )
    expect(timeOf(row)).toBe(1234n)
    expect(refusal(() => encoderOf({ timestamp_column: 'at' }).encode({ p: 1, c: 'x' }, 0))).toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
      column: 'at',
    })
  })

  it('must change for another attempt only if a list would double', () => {
    const appends = (cql: string) =>
      encoderOf({}, table({ id: ['int', 'partition_key'], v: [cql] })).encode({ id: 1, v: [1] }, 0).appends
    expect(appends('list<int>')).toBe(true)
    expect(appends('frozen<list<int>>')).toBe(false)
    expect(appends('set<int>')).toBe(false)
  })
})

describe('the time to live of a row', () => {
  const ttlOf = (row: EncodedRow) => valuesOf(row)[row.statement.ttlIndex ?? -1]

  it('comes from the row, or else from the options, or else from the table', () => {
    const encoder = encoderOf({ ttl: 60, ttl_column: 'keep' })
    expect(ttlOf(encoder.encode({ p: 1, c: 'x', keep: 5 }, 0))).toEqual(int(5))
    expect(ttlOf(encoder.encode({ p: 1, c: 'x' }, 0))).toEqual(int(60))
    expect(ttlOf(encoderOf({ ttl_column: 'keep' }).encode({ p: 1, c: 'x' }, 0))).toBe(unset)
  })

  it('is not bound in a delete', () => {
    const encoder = encoderOf({ ttl: 60, delete_flag: { column: 'op', value: 'd' } })
    expect(encoder.encode({ p: 1, c: 'x', op: 'd' }, 0).statement.ttlIndex).toBeUndefined()
  })
})
