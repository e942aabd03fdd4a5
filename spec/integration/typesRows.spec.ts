import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { type CassandraWritableOptions, createCassandraWritable, RowError } from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('types_rows_spec')

type Row = Record<string, unknown>

async function write(
  table: string,
  rows: readonly unknown[],
  options: Partial<CassandraWritableOptions> = {},
) {
  await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table, ...options }))
}

async function refusalOf(
  table: string,
  row: unknown,
  options: Partial<CassandraWritableOptions> = {},
): Promise<RowError> {
  const error: unknown = await write(table, [row], options).then(
    () => undefined,
    reason => reason,
  )
  expect(error).toBeInstanceOf(RowError)
  return error as RowError
}

const json = async (table: string) =>
  (await ks.select(`SELECT JSON * FROM ${ks.name}.${table}`)).map(row => row['[json]'])

describe('sizes, checked before anything is sent', () => {
  const x = (length: number) => 'x'.repeat(length)

  it('accept a partition key of up to 65,535 bytes, and refuse an empty one', async () => {
    const table = await ks.table('k text PRIMARY KEY, v int')
    await write(table, [{ k: x(65_535), v: 1 }])
    expect((await ks.select(`SELECT k FROM ${ks.name}.${table}`)).map(({ k }) => String(k).length)).toEqual([
      65_535,
    ])
    for (const k of [x(65_536), '']) {
      expect(await refusalOf(table, { k, v: 1 })).toMatchObject({
        code: 'ERR_CASSANDRA_KEY_SIZE',
        column: 'k',
        expected: '1 to 65535 bytes',
      })
    }
  })

  it('count 3 bytes more per column of a composite partition key, as Cassandra does', async () => {
    const table = await ks.table('a text, b blob, v int, PRIMARY KEY ((a, b))')
    await write(table, [
      { a: x(40_000), b: Buffer.alloc(25_529), v: 1 },
      { a: '', b: Buffer.alloc(0), v: 2 },
    ])
    const found = await ks.select(`SELECT v FROM ${ks.name}.${table}`)
    expect(found.map(({ v }) => v).sort()).toEqual([1, 2])
    const error = await refusalOf(table, { a: x(40_000), b: Buffer.alloc(25_530), v: 1 })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KEY_SIZE', column: 'b' })
    expect(error.expected).toContain('together')
  })

  it('accept clustering columns of up to 65,535 bytes together, also empty ones', async () => {
    const table = await ks.table('p int, a text, b text, PRIMARY KEY (p, a, b)')
    await write(table, [
      { p: 1, a: x(40_000), b: x(25_535) },
      { p: 2, a: '', b: '' },
    ])
    expect((await ks.select(`SELECT p FROM ${ks.name}.${table}`)).length).toBe(2)
    const error = await refusalOf(table, { p: 1, a: x(40_000), b: x(25_536) })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KEY_SIZE', column: 'b', cql_type: 'text' })
  })

  it('limit a row to max_row_bytes, 1 MiB by default', async () => {
    const table = await ks.table('id int PRIMARY KEY, v blob')
    await write(table, [{ id: 1, v: Buffer.alloc(2 ** 20 - 100) }])
    const error = await refusalOf(table, { id: 2, v: Buffer.alloc(2 ** 20) })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_ROW_SIZE', row_index: 0 })
    expect(error.message).toContain('max_row_bytes')
    await write(table, [{ id: 3, v: Buffer.alloc(2 ** 20) }], { max_row_bytes: 2 ** 21 })
    const found = await ks.select(`SELECT id FROM ${ks.name}.${table}`)
    expect(found.map(({ id }) => id).sort()).toEqual([1, 3])
  })

  it('of error messages are limited for long text, but the path to a bad part is complete', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int, m map<text, frozen<list<int>>>')
    const long = 'ä'.repeat(5_000_000)
    const error = await refusalOf(table, { id: 1, v: long })
    expect(error.message.length).toBeLessThan(400)
    expect(error.message).toContain('(5000000 characters)')
    const deep = await refusalOf(table, { id: 1, m: { [long]: [1, 2, long] } })
    expect(deep.message.length).toBeLessThan(400)
    const near = await refusalOf(table, { id: 1, m: { 'zip code': [1, 2, 3.5] } })
    expect(near).toMatchObject({ column: 'm["zip code"][2]', cql_type: 'int', row_index: 0 })
    expect(near.message).toContain('3.5 is not a whole number')
  })
})

describe('names with a meaning in JavaScript', () => {
  const columns =
    '"__proto__" text, "constructor" int, "toString" int, "hasOwnProperty" int, PRIMARY KEY ("__proto__")'

  it('are columns like any other name', async () => {
    const table = await ks.table(columns)
    await write(table, [
      JSON.parse('{"__proto__": "key", "constructor": 1, "toString": 2, "hasOwnProperty": 3}'),
      Object.assign(Object.create(null), JSON.parse('{"constructor": 4}'), { ['__proto__']: 'other' }),
    ])
    expect((await json(table)).sort()).toEqual([
      '{"__proto__": "key", "constructor": 1, "\\"hasOwnProperty\\"": 3, "\\"toString\\"": 2}',
      '{"__proto__": "other", "constructor": 4, "\\"hasOwnProperty\\"": null, "\\"toString\\"": null}',
    ])
  })

  it('are ignored if a row only inherits them', async () => {
    const table = await ks.table(columns)
    expect(await refusalOf(table, { constructor: 1 })).toMatchObject({
      code: 'ERR_CASSANDRA_KEY_MISSING',
      column: '__proto__',
    })
    const inheriting = Object.create({ toString: 7 })
    Object.defineProperty(inheriting, '__proto__', { value: 'k', enumerable: true })
    await write(table, [inheriting])
    expect(await json(table)).toEqual([
      '{"__proto__": "k", "constructor": null, "\\"hasOwnProperty\\"": null, "\\"toString\\"": null}',
    ])
  })

  it('are map keys and set elements like any other text', async () => {
    const table = await ks.table('id int PRIMARY KEY, m map<text, int>, s set<text>')
    const m = JSON.parse('{"__proto__": 1, "constructor": 2, "toString": 3}')
    await write(table, [{ id: 1, m, s: ['__proto__', 'constructor'] }])
    expect(await json(table)).toEqual([
      '{"id": 1, "m": {"__proto__": 1, "constructor": 2, "toString": 3}, "s": ["__proto__", "constructor"]}',
    ])
  })

  it('are unknown columns if the table does not have them', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const row = JSON.parse(`{"id": 1, "${name}": 1}`)
      expect(await refusalOf(table, row)).toMatchObject({
        code: 'ERR_CASSANDRA_COLUMN_UNKNOWN',
        column: name,
      })
    }
  })
})

describe('reading a row', () => {
  /** Writes one row before the sink knows the table and one after that. */
  async function writeEarlyAndLate(table: string, rowOf: (id: number) => Row, change: (row: Row) => void) {
    const sink = createCassandraWritable({ ...ks.target, table })
    const done = new Promise((resolve, reject) => sink.on('finish', resolve).on('error', reject))
    const early = rowOf(1)
    const written = new Promise<void>(resolve => sink.write(early, () => resolve()))
    change(early)
    await written
    const late = rowOf(2)
    sink.write(late)
    change(late)
    sink.end()
    await done
  }

  it('calls a getter once, whether or not the table is known', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int, l list<int>')
    let asked = 0
    const rowOf = (id: number) => ({
      id,
      get v() {
        return ++asked
      },
      l: Object.defineProperty([0], 0, { get: () => ++asked, enumerable: true }),
    })
    await writeEarlyAndLate(table, rowOf, () => {})
    expect(asked).toBe(4)
    const found = await ks.select(`SELECT id, v, l FROM ${ks.name}.${table}`)
    expect(found).toContainEqual({ id: 1, v: 1, l: [2] })
    expect(found).toContainEqual({ id: 2, v: 3, l: [4] })
  })

  it('is complete when write() returns, so later changes have no effect', async () => {
    const table = await ks.table(
      'id int PRIMARY KEY, t text, b blob, l list<int>, m map<text, int>, u uuid, d timestamp',
    )
    const rowOf = (id: number) => ({
      id,
      t: 'before',
      b: Buffer.from('before'),
      l: [1],
      m: new Map([['a', 1]]),
      u: new types.Uuid(Buffer.alloc(16, 1)),
      d: new Date(1),
    })
    await writeEarlyAndLate(table, rowOf, row => {
      const { b, l, m, u, d } = row as ReturnType<typeof rowOf>
      row['t'] = 'after'
      b.fill(0)
      l.push(2)
      m.set('b', 2)
      u.getBuffer().fill(2)
      d.setTime(2)
      row['id'] = 9
    })
    const rest = (id: number) =>
      `{"id": ${id}, "b": "0x${Buffer.from('before').toString('hex')}", "d": "1970-01-01 00:00:00.001Z", "l": [1], "m": {"a": 1}, "t": "before", "u": "01010101-0101-0101-0101-010101010101"}`
    expect((await json(table)).sort()).toEqual([rest(1), rest(2)])
  })

  it.each<[string, () => unknown]>([
    ['a function', () => () => 1],
    ['a symbol', () => Symbol('s')],
    ['a promise', () => Promise.resolve(1)],
    ['a proxy that throws', () => new Proxy({}, { get: () => Number('x').toString(99) })],
    [
      'a proxy that throws at everything',
      () => new Proxy({}, { getPrototypeOf: () => Number('x').toString(99) as never }),
    ],
    ['a boxed number', () => new Number(1)],
    ['an object with toString', () => ({ toString: () => '1' })],
    ['an object with toJSON', () => ({ toJSON: () => 1 })],
  ])('refuses %s for a column of any type', async (_, make) => {
    const table = await ks.table('id int PRIMARY KEY, i int, t text, l list<int>, m map<text, text>, b blob')
    for (const column of ['i', 't', 'l', 'b']) {
      const error = await refusalOf(table, { id: 1, [column]: make() })
      expect(error).toMatchObject({
        code: 'ERR_CASSANDRA_VALUE',
        row_index: 0,
        column: expect.stringMatching(column),
      })
    }
    expect((await refusalOf(table, { id: 1, m: { a: make() } })).code).toBe('ERR_CASSANDRA_VALUE')
    expect(await json(table)).toEqual([])
  })

  it('has the error of a getter or a proxy as the cause', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const thrown = new Error('lazy loading failed')
    const throwing = () => {
      throw thrown
    }
    const rows = [
      Object.defineProperty({ id: 1 }, 'v', { get: throwing, enumerable: true }),
      new Proxy({ id: 1 }, { ownKeys: throwing }),
      {
        id: 1,
        v: new Proxy({}, { get: throwing, getPrototypeOf: throwing, getOwnPropertyDescriptor: throwing }),
      },
    ]
    for (const row of rows) {
      const error = await refusalOf(table, row)
      expect(error).toMatchObject({ code: 'ERR_CASSANDRA_VALUE', row_index: 0 })
      expect(error.cause).toBe(thrown)
    }
  })

  it('leaves a column alone for the driver’s unset, and refuses unset inside a value', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int, l list<int>')
    await write(table, [
      { id: 1, v: 5 },
      { id: 1, v: types.unset },
    ])
    expect(await json(table)).toEqual(['{"id": 1, "l": null, "v": 5}'])
    expect(await refusalOf(table, { id: types.unset })).toMatchObject({ code: 'ERR_CASSANDRA_KEY_MISSING' })
    expect(await refusalOf(table, { id: 1, l: [types.unset] })).toMatchObject({ column: 'l[0]' })
  })
})

describe('types', () => {
  it('a table may have a column of a custom type, but a value for it is refused', async () => {
    const custom = "'org.apache.cassandra.db.marshal.LexicalUUIDType'"
    const table = await ks.table(`id int PRIMARY KEY, v ${custom}, l frozen<list<${custom}>>, n int`)
    await write(table, [{ id: 1, n: 2 }])
    expect(await ks.select(`SELECT id, n FROM ${ks.name}.${table}`)).toEqual([{ id: 1, n: 2 }])
    for (const name of ['v', 'l']) {
      expect(await refusalOf(table, { id: 1, [name]: null })).toMatchObject({
        column: name,
        expected: 'no such property',
      })
    }
  })

  it('a custom type in the primary key is refused with its table', async () => {
    const table = await ks.table(
      "id int, v 'org.apache.cassandra.db.marshal.LexicalUUIDType', PRIMARY KEY (id, v)",
    )
    const error: unknown = await write(table, [{ id: 1 }]).catch(reason => reason)
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_TYPE_UNSUPPORTED' })
    expect(String(error)).toContain('LexicalUUIDType')
  })

  it('an IPv4 address written as IPv6 is stored as the IPv4 address, so that a query finds it', async () => {
    const table = await ks.table('ip inet, ips frozen<tuple<inet>>, PRIMARY KEY (ip, ips)')
    await write(table, [{ ip: '::ffff:10.1.2.3', ips: ['::ffff:10.1.2.3'] }])
    const where = "ip = '10.1.2.3' AND ips = ('::ffff:10.1.2.3')"
    expect((await ks.select(`SELECT * FROM ${ks.name}.${table} WHERE ${where}`)).length).toBe(1)
    const gone = { delete_flag_column: 'gone', delete_flag_value: 'yes' }
    await write(table, [{ ip: '10.1.2.3', ips: ['10.1.2.3'], gone: 'yes' }], gone)
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([])
  })

  it('a map inside a user-defined type is stored so that its entries are found by key', async () => {
    await ks.client.execute(`CREATE TYPE ${ks.name}.profile (tags frozen<map<text, int>>)`)
    const table = await ks.table('id int PRIMARY KEY, v profile, f frozen<profile>')
    const profile = { tags: { z: 1, a: 2, m: 3 } }
    await write(table, [{ id: 1, v: profile, f: profile }])
    const found = await ks.select(
      `SELECT v.tags['a'] AS a, v.tags['m'] AS m, f.tags['z'] AS z FROM ${ks.name}.${table}`,
    )
    expect(found).toEqual([{ a: 2, m: 3, z: 1 }])
  })

  it('the lowest durations are stored, although CQL refuses their literals', async () => {
    const table = await ks.table('id int PRIMARY KEY, d duration')
    const durations = [
      new types.Duration(-(2 ** 31), -(2 ** 31), types.Long.MIN_VALUE),
      new types.Duration(0, 0, types.Long.MIN_VALUE),
    ]
    await write(
      table,
      durations.map((d, id) => ({ id, d })),
    )
    const found = await ks.select(`SELECT id, d FROM ${ks.name}.${table}`)
    for (const [id, d] of durations.entries()) expect(found).toContainEqual({ id, d })
    await write(table, found)
    expect(await ks.select(`SELECT id, d FROM ${ks.name}.${table}`)).toEqual(found)
  })

  it('varchar is stored, and clustering columns in ascending and in descending order', async () => {
    const table = await ks.table(
      'p int, a varchar, b decimal, v varchar, PRIMARY KEY (p, a, b)',
      'CLUSTERING ORDER BY (a DESC, b ASC)',
    )
    await write(table, [
      { p: 1, a: 'ä', b: '1.50', v: 'x' },
      { p: 1, a: 'z', b: '-2', v: 'y' },
    ])
    expect(await json(table)).toEqual([
      '{"p": 1, "a": "ä", "b": 1.50, "v": "x"}',
      '{"p": 1, "a": "z", "b": -2, "v": "y"}',
    ])
  })
})
