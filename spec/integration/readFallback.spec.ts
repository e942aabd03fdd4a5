import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { inspect, isDeepStrictEqual } from 'node:util'
import { Client, type ClientOptions } from 'cassandra-driver'
import fc from 'fast-check'
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import {
  type CassandraReadableOptions,
  countRows,
  createCassandraReadable,
  createCassandraWritable,
} from '../../lib/index.ts'
import { type CqlType, cqlTypeName, scalarNames } from '../../lib/table/cqlType.ts'
import { driverShown } from '../values/driverShown.ts'
import { isReadable, nestedType } from '../values/randomTypes.ts'
import { samplesOf } from '../values/samples.ts'
import { useKeyspace } from './keyspace.ts'
import { createTypes, runs, seed, timeout } from './valueTable.ts'

const ks = useKeyspace('read_fallback_spec')

type Row = Record<string, unknown>

interface Pooled {
  readonly pool: { readonly connections: readonly { readonly parser: { setOptions?: unknown } }[] }
}

/** Ways in which a driver may differ from the known ones, so that it decodes pages itself. */
const ways: readonly (readonly [string, (client: Client) => void])[] = [
  [
    'whose parsers have no options',
    client => {
      for (const host of client.hosts.values())
        for (const { parser } of (host as unknown as Pooled).pool.connections) parser.setOptions = undefined
    },
  ],
  [
    'whose execute() was replaced',
    client => {
      const execute = client.execute.bind(client)
      Object.assign(client, { execute: (...given: Parameters<Client['execute']>) => execute(...given) })
    },
  ],
]

async function clientOf(change: (client: Client) => void, more: Partial<ClientOptions> = {}) {
  const { host, port, localDataCenter } = inject('cassandra')
  const client = new Client({
    contactPoints: [`${host}:${port}`],
    localDataCenter,
    encoding: { map: Map },
    pooling: { warmup: true },
    ...more,
  })
  await client.connect()
  onTestFinished(() => client.shutdown())
  change(client)
  return client
}

const scalars = scalarNames.map((name): CqlType => ({ kind: 'scalar', name }))
const ordered = scalars.filter(type => type.kind === 'scalar' && type.name !== 'duration')
/** A key 0 of these maps may have been -0, so such a map is refused. */
const hasFloatKeys = (type: CqlType) =>
  /"map","key":{"kind":"scalar","name":"(float|double)"/.test(JSON.stringify(type))
const all = [
  ...scalars,
  ...ordered.map((element): CqlType => ({ kind: 'set', element, frozen: true })),
  ...ordered.map((key): CqlType => ({ kind: 'map', key, value: key, frozen: true })),
  ...fc.sample(
    nestedType.filter(type => type.kind !== 'scalar' && isReadable(type)),
    { seed, numRuns: 20 },
  ),
].filter(type => !hasFloatKeys(type))

describe.each(ways)('a driver %s', (_, change) => {
  const read = (
    client: Client,
    table: string,
    more: Partial<CassandraReadableOptions> = {},
  ): Promise<Row[]> => createCassandraReadable({ client, keyspace: ks.name, table, ...more }).toArray()
  const byId = (rows: readonly Row[]) =>
    rows.toSorted((a, b) => Number(a['id'] ?? -1) - Number(b['id'] ?? -1))
  const write = (table: string, rows: readonly object[]) =>
    pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table }))

  it(`reads the same values of each type (seed ${seed})`, { timeout }, async () => {
    const made: CqlType[] = []
    for (const type of all) made.push(await createTypes(ks, type))
    const columns = made.map((type, i) => `v${i} ${cqlTypeName(type)}`)
    const table = await ks.table(`id int PRIMARY KEY, ${columns.join(', ')}`)
    const samples = made.map(type => fc.sample(samplesOf(type), { seed, numRuns: runs }))
    const rows = Array.from({ length: runs }, (_, id) => ({
      id,
      ...Object.fromEntries(samples.map((each, i) => [`v${i}`, each[id]?.given])),
    }))
    await write(table, rows)
    const client = await clientOf(change)
    for (const form of [{}, { json: true }, { values: 'driver' }] as const) {
      const wanted = byId(await createCassandraReadable({ ...ks.target, table, ...form }).toArray())
      const found = byId(await read(client, table, form))
      expect(found.length).toBe(runs)
      // A Vector is a Proxy that hides its parts.
      const seen = 'values' in form ? driverShown : (value: unknown) => value
      for (const [id, row] of found.entries()) {
        for (const [i, type] of made.entries()) {
          const [value, given] = [seen(row[`v${i}`]), seen(wanted[id]?.[`v${i}`])]
          // vitest cannot compare objects with a property `toString`.
          if (!isDeepStrictEqual(value, given))
            throw new Error(`${cqlTypeName(type)} reads ${inspect(value)}, expected ${inspect(given)}`)
        }
      }
    }
  })

  describe('and a table', () => {
    let people = ''
    beforeAll(async () => {
      people = await ks.table('part int, id int, n bigint, s text static, PRIMARY KEY (part, id)')
      const rows = Array.from({ length: 5_000 }, (_, id) => ({ part: id % 50, id, n: BigInt(id) }))
      await write(people, [...rows, { part: 1, s: 'x' }, { part: 77, s: 'alone' }])
    }, 60_000)

    it('is read and counted completely, each row once', async () => {
      const client = await clientOf(change)
      const plain = byId(await createCassandraReadable({ ...ks.target, table: people }).toArray())
      expect(plain.length).toBe(5_001)
      expect(byId(await read(client, people))).toEqual(plain)
      expect(byId(await read(client, people, { splits: 3, concurrency: 8, fetch_size: 7 }))).toEqual(plain)
      const some = await read(client, people, { where: 'part = ? AND id > ?', params: [7, 1_000] })
      expect(some.map(({ id }) => id)).toEqual(Array.from({ length: 80 }, (_, i) => 1_007 + 50 * i))
      const at = { client, keyspace: ks.name, table: people }
      expect(await countRows(at)).toEqual(await countRows({ ...ks.target, table: people }))
    })

    it.each([{ after: null }, { follow: { by: 'scan' } }, { with_times: true }] as const)(
      'is refused by a clear error with %j, which needs the bytes of pages',
      async more => {
        const refused = { code: 'ERR_CASSANDRA_READ', message: expect.stringContaining('as bytes') }
        await expect(read(await clientOf(change), people, more)).rejects.toMatchObject(refused)
      },
    )
  })

  it('ends with an error that names the column if it loses a part of a value', async () => {
    await ks.client.execute(`CREATE TYPE IF NOT EXISTS ${ks.name}.odd ("__proto__" int, b int)`)
    const cases: readonly (readonly [string, unknown, Partial<ClientOptions>?])[] = [
      ['timestamp', 2n ** 60n],
      ['list<frozen<tuple<timestamp>>>', [[2n ** 60n]]],
      ['odd', { b: 1 }],
      ['map<double, int>', [['-0', 1]]],
      ['map<text, int>', { a: 1 }, { encoding: {} }],
      ['map<blob, int>', [['0x30', 1]], { encoding: {} }],
      ['list<frozen<map<timestamp, int>>>', [[[0n, 1]]], { encoding: {} }],
      ['set<double>', ['-0'], { encoding: { set: Set } }],
    ]
    for (const [type, value, more] of cases) {
      const table = await ks.table(`id int PRIMARY KEY, lost ${type}`)
      await write(table, [{ id: 1, lost: value }])
      const client = await clientOf(change, more)
      await expect(read(client, table), type).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_READ',
        message: expect.stringContaining('`lost` cannot be read exactly'),
      })
      expect(await read(client, table, { columns: ['id'] })).toEqual([{ id: 1 }])
    }
  })

  it('reads maps even as objects if their keys have exact names', async () => {
    const table = await ks.table(
      'id int PRIMARY KEY, m map<bigint, text>, u map<uuid, frozen<map<inet, int>>>',
    )
    const u = new Map([['6ba7b810-9dad-11d1-80b4-00c04fd430c8', new Map([['::1', 2]])]])
    const row = { id: 1, m: new Map([[2n ** 60n, 'a']]), u }
    await write(table, [row])
    expect(await read(await clientOf(change, { encoding: {} }), table)).toEqual([row])
  })
})
