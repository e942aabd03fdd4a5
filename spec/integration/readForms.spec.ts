import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client, types } from 'cassandra-driver'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import {
  type CassandraReadableOptions,
  createCassandraReadable,
  createCassandraReadableStream,
  createCassandraWritable,
  OptionError,
} from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'
import { bytesIn, useRawReader } from './rawReader.ts'

const ks = useKeyspace('read_forms_spec')
const rawReader = useRawReader()

type Row = Record<string, unknown>

const { Long } = types

const read = (table: string, more: Partial<CassandraReadableOptions>): Promise<Row[]> =>
  createCassandraReadable({ ...ks.target, table, ...more }).toArray()

async function write(table: string, rows: readonly object[]): Promise<void> {
  await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table }))
}

const asJson = (rows: readonly object[]): object[] => rows.map(row => JSON.parse(JSON.stringify(row)))

const forms = [
  { form: {}, through: (rows: readonly object[]) => rows },
  { form: { json: true }, through: asJson },
  { form: { values: 'driver' }, through: (rows: readonly object[]) => rows },
] as const

/** Copies rows into another table in each form, and checks that the bytes are the same. */
async function expectCopies(definition: string, rows: readonly object[]): Promise<string> {
  const from = await ks.table(definition)
  await write(from, rows)
  const wanted = await bytesIn(rawReader, `${ks.name}.${from}`)
  expect(wanted.length).toBe(rows.length)
  for (const { form, through } of forms) {
    const to = await ks.table(definition)
    await write(to, through(await read(from, form)))
    expect(await bytesIn(rawReader, `${ks.name}.${to}`), JSON.stringify(form)).toEqual(wanted)
  }
  return from
}

describe('a copy in each form has the same bytes', () => {
  it('for values at the edges of their types', async () => {
    await ks.client.execute(
      `CREATE TYPE ${ks.name}.odd ("__proto__" bigint, "toJSON" text, v vector<float, 2>)`,
    )
    const from = await expectCopies(
      `id int PRIMARY KEY, at timestamp, big bigint, huge varint, amount decimal, d double, f float, empty text,
        nothing blob, ds list<double>, byText map<text, bigint>, byDouble map<double, int>, byBlob map<blob, int>,
        byMoment map<timestamp, int>, byPair map<frozen<tuple<int, blob>>, frozen<map<frozen<set<int>>, text>>>,
        o frozen<odd>, os list<frozen<odd>>, vs vector<frozen<odd>, 1>, deep vector<frozen<vector<text, 2>>, 1>`,
      [
        {
          id: 1,
          at: 2n ** 63n - 1n,
          big: -(2n ** 63n),
          huge: 2n ** 1024n,
          amount: '-0.00',
          d: -0,
          f: Number.NaN,
          empty: '',
          nothing: '0x',
          ds: [-0, 0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324],
          bytext: JSON.parse('{"__proto__":1,"constructor":2,"10":3,"9":4}'),
          bydouble: { NaN: 1, '-0': 2, '0': 3, '-Infinity': 4, '1e300': 5 },
          byblob: { '0x': 1, '0x00ff': 2, '0xff': 3 },
          bymoment: new Map([
            [-(2n ** 63n), 1],
            [1n, 2],
          ]),
          bypair: new Map([
            [[1, '0x00'], new Map([[[2, 1], 'a']])],
            [[null, null], new Map()],
          ]),
          o: JSON.parse('{"__proto__":"9007199254740993","toJSON":"x","v":["NaN",1]}'),
          os: [{ toJSON: null }, { v: [0, '-0'] }],
          vs: [{ v: [1, 2] }],
          deep: [['', 'x']],
        },
        { id: 2, at: -8_640_000_000_000_001n, d: Number.NEGATIVE_INFINITY, f: -0, ds: [] },
        { id: 3, at: 8_640_000_000_000_000n, amount: '1e-2147483647' },
      ],
    )
    const [row = {}] = (await read(from, { values: 'driver', where: 'id = 1' })) as Row[]
    expect(row['at']).toEqual(Long.MAX_VALUE)
    expect(Object.entries(row['bytext'] as object)).toContainEqual(['__proto__', Long.ONE])
    expect(Object.entries(row['o'] as object)[0]).toEqual(['__proto__', Long.fromString('9007199254740993')])
    expect([...(row['bymoment'] as Map<unknown, number>)]).toEqual([
      [Long.MIN_VALUE, 1],
      [new Date(1), 2],
    ])
    expect(row['deep']).toBeInstanceOf(types.Vector)
  })

  it('for keys of every kind, static columns, and a partition with static columns only', async () => {
    await expectCopies(
      `p1 frozen<map<text, double>>, p2 blob, c1 frozen<set<bigint>>, c2 timestamp, s frozen<tuple<varint>> static,
        v frozen<map<int, text>>, PRIMARY KEY ((p1, p2), c1, c2)`,
      [
        { p1: { b: Number.NaN, a: -0 }, p2: '0x', c1: [2, 1], c2: 2n ** 60n, s: [2n ** 70n], v: { 1: 'a' } },
        { p1: {}, p2: '0x00', s: [null] },
      ],
    )
  })
})

describe('a borrowed client', () => {
  it('may be of a subclass with private fields', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    await write(table, [{ id: 1 }])
    class Counting extends Client {
      #calls = 0
      override execute(...given: never[]): never {
        this.#calls++
        return super.execute(...(given as unknown as [string])) as never
      }
      get calls(): number {
        return this.#calls
      }
    }
    const { host, port } = ks.target
    const { localDataCenter } = inject('cassandra')
    const client = new Counting({ contactPoints: [`${host}:${port}`], localDataCenter })
    onTestFinished(() => client.shutdown())
    const read = createCassandraReadable({ client, keyspace: ks.name, table })
    expect(await read.toArray()).toEqual([{ id: 1 }])
  })
})

describe('values of the driver', () => {
  it('are those of execute(), whatever the encoding of the borrowed client', async () => {
    const table = await ks.table(
      `id int PRIMARY KEY, n bigint, i varint, s set<int>, m map<text, uuid>, u uuid, t timeuuid, d date, c time, at timestamp,
        a inet, b blob, x decimal, l duration, p tuple<int, text>`,
    )
    const uuid = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
    const given = {
      n: 2n ** 60n,
      i: -(2n ** 70n),
      s: [1, 2],
      m: { a: uuid },
      u: uuid,
      t: uuid,
      d: '-0001-02-03',
    }
    const more = {
      c: '01:02:03.000000004',
      at: new Date(5),
      a: '::1',
      b: '0x01',
      x: '1.50',
      l: '1mo',
      p: [1, null],
    }
    await write(table, [
      { id: 1, ...given, ...more },
      { id: 2, d: '+5881580-07-11' },
    ])
    const { rows } = await ks.client.execute(`SELECT * FROM ${ks.name}.${table}`, [], { prepare: true })
    const { host, port } = ks.target
    const client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter: inject('cassandra').localDataCenter,
      encoding: { map: Map, set: Set, useBigIntAsLong: true, useBigIntAsVarint: true },
    })
    onTestFinished(() => client.shutdown())
    const found = await createCassandraReadable({
      client,
      keyspace: ks.name,
      table,
      values: 'driver',
    }).toArray()
    const wanted = rows.map(row => ({ ...row }))
    expect(found.sort((a, b) => Number(a['id']) - Number(b['id']))).toStrictEqual(
      wanted.sort((a, b) => Number(a['id']) - Number(b['id'])),
    )
  })

  it('have null for a field that was added to their type later', async () => {
    await ks.client.execute(`CREATE TYPE ${ks.name}.grown (a int)`)
    const table = await ks.table('id int PRIMARY KEY, g frozen<grown>')
    await write(table, [{ id: 1, g: { a: 1 } }])
    await ks.client.execute(`ALTER TYPE ${ks.name}.grown ADD b text`)
    expect(await read(table, { values: 'driver' })).toEqual([{ id: 1, g: { a: 1, b: null } }])
  })
})

describe('a ReadableStream', () => {
  it('reads the same forms', async () => {
    const table = await ks.table('id int PRIMARY KEY, n bigint')
    await write(table, [{ id: 1, n: 2n ** 60n }])
    const one = async (form: Partial<CassandraReadableOptions>) => {
      const reader = createCassandraReadableStream({ ...ks.target, table, ...form }).getReader()
      const { value } = await reader.read()
      await reader.cancel()
      return value
    }
    expect(await one({ json: 'true' })).toEqual({ id: 1, n: '1152921504606846976' })
    expect(await one({ values: 'driver' })).toEqual({ id: 1, n: Long.fromString('1152921504606846976') })
    expect(await one({})).toEqual({ id: 1, n: 2n ** 60n })
  })
})

describe('a counter', () => {
  it('is digits for JSON, and a Long with values of the driver', async () => {
    const table = await ks.table('id int PRIMARY KEY, hits counter')
    await ks.client.execute(`UPDATE ${ks.name}.${table} SET hits = hits - 3 WHERE id = 1`)
    expect(await read(table, { json: true })).toEqual([{ id: 1, hits: '-3' }])
    expect(await read(table, { values: 'driver' })).toEqual([{ id: 1, hits: Long.fromNumber(-3) }])
  })
})

describe('options', () => {
  const open = (options: object) => () => createCassandraReadable({ ...ks.target, table: 't', ...options })

  it('refuse json together with values of the driver, and unknown values', () => {
    expect(open({ json: true, values: 'driver' })).toThrow(OptionError)
    expect(open({ json: true, values: 'driver' })).toThrow(/`json` to be absent beside `values: 'driver'`/)
    expect(open({ values: 'json' })).toThrow(/`values` to be one of plain, driver/)
    expect(open({ json: 'yes' })).toThrow(OptionError)
  })

  it('accept both if they do not contradict each other', async () => {
    const table = await ks.table('id int PRIMARY KEY, n bigint')
    await write(table, [{ id: 1, n: 1 }])
    expect(await read(table, { json: true, values: 'plain' })).toEqual([{ id: 1, n: '1' }])
    expect(await read(table, { json: false, values: 'driver' })).toEqual([{ id: 1, n: Long.ONE }])
  })
})
