import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { PageRows } from '../../../lib/read/pageRows.ts'
import { placeOf } from '../../../lib/read/place.ts'
import { ReusedPage } from '../../../lib/read/rawPage.ts'
import { RowPlan } from '../../../lib/read/rowPlan.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'

const columns = [
  ['id', 'int'],
  ['__proto__', 'bigint'],
  ['tags', 'set<text>'],
  ['price', 'decimal'],
  ['gone', 'text'],
].map(([name = '', cql = '']) => ({
  name,
  cql,
  kind: 'regular' as const,
  type: parseCqlType(cql, () => undefined),
}))

const expected = [
  ['id', 7],
  ['__proto__', 9n],
  ['tags', new Set(['a', 'b'])],
  ['price', '1.50'],
  ['gone', null],
]

/** A page of values, each after its length. */
function pageOf(...values: (string | null)[]) {
  const parts = values.map(hex => {
    const value = Buffer.from(hex ?? '', 'hex')
    const length = Buffer.alloc(4)
    length.writeInt32BE(hex === null ? -1 : value.length)
    return Buffer.concat([length, value])
  })
  return { bytes: Buffer.concat([Buffer.alloc(3), ...parts]), start: 3, length: 1 }
}

describe('the rows of a page', () => {
  const plan = new RowPlan(columns)
  const decoded = (page: ReturnType<typeof pageOf>) => {
    const rows = new PageRows(plan, { rows: page })
    const found = [...rows.take(0), ...rows.take(5)]
    expect(rows.isOver).toBe(true)
    return found
  }

  it('are plain objects with a property per column', () => {
    const set = '00000002000000016100000001' + '62'
    const [row = {}] = decoded(pageOf('00000007', '0000000000000009', set, '000000020096', null))
    expect(Object.entries(row)).toEqual(expected)
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
  })

  it('release their page with the last of them, and stay the same', () => {
    const one = pageOf('00000007', '0000000000000009', null, '000000020096', null).bytes.subarray(3)
    const other = pageOf('00000008', null, '000000010000000161', null, '62').bytes.subarray(3)
    const bytes = Buffer.concat([one, one, other])
    const page = new ReusedPage(
      { bytes, start: 0, length: 3, size: bytes.length },
      { giveBack: used => void used.fill(0xa5) },
    )
    const rows = new PageRows(plan, { rows: page })
    const first = rows.take(1)
    expect(page.bytes).toBe(bytes)
    const others = rows.take(5)
    expect(() => page.bytes).toThrow('were released')
    expect(page.lastRow).toEqual({ bytes: Buffer.from(other), start: 0, length: 1 })
    expect(rows.take(5)).toEqual([])
    const [id, big, , price, gone] = columns.map(({ name }) => name) as [
      string,
      string,
      string,
      string,
      string,
    ]
    const found = [...first, ...others].map(row => [row[id], row[big], row['tags'], row[price], row[gone]])
    const wanted = [7, 9n, null, '1.50', null]
    expect(found).toEqual([wanted, wanted, [8, null, new Set(['a']), null, 'b']])
  })

  it('do not release their page if the last of them is large', () => {
    const bytes = pageOf('00000007', '0000000000000009', null, null, '61'.repeat(70_000)).bytes
    const unused = { giveBack: () => expect.unreachable() }
    const page = new ReusedPage({ bytes, start: 3, length: 1, size: bytes.length }, unused)
    expect(new PageRows(plan, { rows: page }).take(1)).toMatchObject([{ id: 7, gone: 'a'.repeat(70_000) }])
    expect(page.bytes).toBe(bytes)
  })

  it('are the same if the driver has decoded them', () => {
    const given = new (types as unknown as { Row: new (columns: unknown) => types.Row }).Row(columns)
    const values = [7, types.Long.fromNumber(9), ['a', 'b'], types.BigDecimal.fromString('1.50'), null]
    for (const [i, { name }] of columns.entries()) {
      Object.defineProperty(given, name, { value: values[i], enumerable: true })
    }
    const [row = {}] = plan.plain([given])
    expect(Object.entries(row)).toEqual(expected)
  })

  it.each([
    ['plain', [3n, Buffer.from([0, 255]), '1.50']],
    ['json', ['3', '0x00ff', '1.50']],
    ['driver', [types.Long.fromNumber(3), Buffer.from([0, 255]), types.BigDecimal.fromString('1.50')]],
  ] as const)('have the form %s even if the driver has decoded them', (form, wanted) => {
    const some = [
      ['hits', 'counter'],
      ['odd', "'org.example.Money'"],
      ['price', 'decimal'],
    ].map(([name = '', cql = '']) => ({
      name,
      cql,
      kind: 'regular' as const,
      type: parseCqlType(cql, () => undefined),
    }))
    const given = new (types as unknown as { Row: new (columns: unknown) => types.Row }).Row(some)
    const values = [types.Long.fromNumber(3), Buffer.from([0, 255]), types.BigDecimal.fromString('1.50')]
    Object.assign(given, { hits: values[0], odd: values[1], price: values[2] })
    const [row = {}] = new RowPlan(some, undefined, form).plain([given])
    expect(Object.values(row)).toStrictEqual(wanted)
  })

  it.each<[string, unknown, string]>([
    ['timestamp', new Date(Number.NaN), 'beyond the range of Date'],
    [
      'list<frozen<tuple<int, timestamp>>>',
      [types.Tuple.fromArray([1, new Date(Number.NaN)])],
      'range of Date',
    ],
    ['vector<timestamp, 1>', new types.Vector([new Date(Number.NaN)], 'timestamp'), 'range of Date'],
    ['frozen<odd>', {}, 'loses a field `__proto__`'],
    ['map<int, frozen<odd>>', { 1: {} }, 'loses a field `__proto__`'],
    ['map<text, int>', { a: 1 }, 'encoding: { map: Map }'],
    ['frozen<set<frozen<map<blob, int>>>>', [{ a: 1 }], 'encoding: { map: Map }'],
    ['map<double, int>', new Map([[0, 1]]), 'does not tell -0 from 0'],
    ['set<float>', new Set([0]), 'does not tell -0 from 0'],
    ['int', 'many', 'what the driver read for it'],
  ])('are refused if the driver may have lost a part of a %s', (cql, value, why) => {
    const fields = [{ name: '__proto__', type: 'int' }]
    const lost = { name: 'lost', cql, kind: 'regular' as const, type: parseCqlType(cql, () => fields) }
    const given = new (types as unknown as { Row: new (columns: unknown) => types.Row }).Row([lost])
    Object.assign(given, { lost: value })
    expect(() => new RowPlan([lost]).plain([given])).toThrow(
      expect.objectContaining({
        name: 'ReadError',
        code: 'ERR_CASSANDRA_READ',
        message: expect.stringMatching(/`lost` cannot be read exactly/),
      }),
    )
    expect(() => new RowPlan([lost]).plain([given])).toThrow(why)
  })

  it('have their columns in the order of the table, without those that were added since', () => {
    const [id, big, tags, price, gone] = columns
    const layout = [id, undefined, price, big, undefined, gone, tags]
    const arranged = new RowPlan(columns, undefined, undefined, layout)
    const set = '00000002000000016100000001' + '62'
    const { bytes } = pageOf('00000007', 'ffff', '000000020096', '0000000000000009', null, null, set)
    const [row = {}] = new PageRows(arranged, { rows: { bytes, start: 3, length: 1 } }).take(1)
    expect(Object.entries(row)).toEqual(expected)
    const decodedRow = new (types as unknown as { Row: new (columns: unknown) => types.Row }).Row(
      layout.map((column, i) => column ?? { name: `added ${i}` }),
    )
    const values = [
      7,
      'x',
      types.BigDecimal.fromString('1.50'),
      types.Long.fromNumber(9),
      'y',
      null,
      ['a', 'b'],
    ]
    for (const [i, column] of layout.entries())
      Object.defineProperty(decodedRow, column?.name ?? `added ${i}`, { value: values[i], enumerable: true })
    expect(Object.entries(arranged.plain([decodedRow])[0] ?? {})).toEqual(expected)
  })

  it('have places that do not keep their page in memory', () => {
    const [id] = columns
    const withPlaces = new RowPlan([id as (typeof columns)[0]], {
      count: 2,
      places: 2,
      filter: undefined,
      span: undefined,
    })
    const page = pageOf('00000007', '0000000000000009', '00000007')
    // Not from the pool, which small buffers share.
    const bytes = Buffer.alloc(page.bytes.length)
    page.bytes.copy(bytes)
    const rows: Record<string, unknown>[] = []
    withPlaces.decode(bytes, 3, 1, rows)
    const place = placeOf(rows[0] as object)
    expect(place?.position).toEqual({
      token: '9',
      key: Buffer.from('0000000400000007', 'hex').toString('base64url'),
    })
    expect(place?.key.buffer).not.toBe(bytes.buffer)
  })

  it('are refused if the page ends too early', () => {
    const page = pageOf('00000007', '0000000000000009')
    expect(() => decoded(page)).toThrow(RangeError)
  })
})
