import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCassandraReadable, createCassandraWritable } from '../../lib/index.ts'
import { type CqlType, cqlTypeName, parseCqlType, scalarNames } from '../../lib/table/cqlType.ts'
import { driverShown } from '../values/driverShown.ts'
import { isReadable, nestedType, thawed, withProto } from '../values/randomTypes.ts'
import { distantSamples, samplesOf } from '../values/samples.ts'
import type { Sample } from '../values/scalars.ts'
import { useKeyspace } from './keyspace.ts'
import { bytesIn, useRawReader } from './rawReader.ts'
import { createTypes, runs, seed, timeout } from './valueTable.ts'

const ks = useKeyspace('types_copy_spec')

const rawReader = useRawReader()

const { host, port, localDataCenter } = inject('cassandra')
/** Reads maps as Map, which keeps the types of keys. */
const driver = new Client({
  contactPoints: [`${host}:${port}`],
  localDataCenter,
  encoding: { map: Map },
  socketOptions: { readTimeout: 60_000 },
})
afterAll(() => driver.shutdown())

/** Types per table, because creating a table takes long. */
const TYPES_A_TABLE = 12

const thing = {
  fields: [
    { name: '__proto__', type: 'timestamp' },
    { name: 'constructor', type: 'frozen<map<text, bigint>>' },
    { name: 'toString', type: 'frozen<map<text, timestamp>>' },
  ],
}
const scalars = scalarNames.map((name): CqlType => ({ kind: 'scalar', name }))
const random = fc.sample(nestedType, { seed, numRuns: runs >= 1000 ? 200 : 40 })
/** User-defined types of these have a field `__proto__`, and their timestamps may be beyond the range of Date. */
const odd = [
  'timestamp',
  'frozen<list<timestamp>>',
  'frozen<set<timestamp>>',
  'frozen<map<timestamp, timestamp>>',
  'frozen<tuple<timestamp, frozen<set<timestamp>>>>',
  'vector<timestamp, 2>',
  'frozen<thing>',
  'frozen<list<frozen<thing>>>',
  'frozen<map<frozen<thing>, frozen<thing>>>',
  'frozen<map<text, frozen<thing>>>',
  'vector<frozen<thing>, 2>',
].map(text => parseCqlType(text, () => thing.fields))
const oddRandom = fc.sample(
  nestedType.filter(type => JSON.stringify(type).includes('udt')),
  { seed, numRuns: runs >= 1000 ? 40 : 13 },
)

interface Copied {
  readonly type: CqlType
  readonly samples: (type: CqlType) => fc.Arbitrary<Sample>
  /** Whether the driver reads all values. */
  readonly isReadable: boolean
}

const copied: Copied[] = [
  ...[...scalars, ...random].map(type => ({
    type,
    samples: (made: CqlType) => samplesOf(made),
    isReadable: isReadable(type),
  })),
  ...[...odd, ...oddRandom].map(type => ({
    type: withProto(type),
    samples: (made: CqlType) => samplesOf(made, distantSamples),
    isReadable: false,
  })),
]
const groups = Array.from({ length: Math.ceil(copied.length / TYPES_A_TABLE) }, (_, i) =>
  copied.slice(i * TYPES_A_TABLE, (i + 1) * TYPES_A_TABLE),
)
/** Number of values per type, at least 200. */
const count = Math.max(200, runs)

async function* throughJson(rows: AsyncIterable<object>): AsyncGenerator<object> {
  for await (const row of rows) yield JSON.parse(JSON.stringify(row))
}

async function* asTheyAre(rows: AsyncIterable<object>): AsyncGenerator<object> {
  yield* rows
}

/** Options of a sink for the properties of parts. */
const timed = {
  timestamp_column: 'write_time',
  ttl_column: 'ttl',
  operation_column: 'operation',
  allow_any_timestamp: true,
} as const

describe.each(groups.map((group, i) => ({ group, i })))(
  `${count} values of each type of group $i (seed ${seed})`,
  ({ group }) => {
    const made: CqlType[] = []
    let definition = ''
    let from = ''

    beforeAll(async () => {
      for (const { type } of group) made.push(await createTypes(ks, type))
      const columns = made.map(
        (type, i) => `v${i} ${cqlTypeName(type)}, free${i} ${cqlTypeName(thawed(type))}`,
      )
      definition = `id int PRIMARY KEY, oldest int, ${columns.join(', ')}`
      from = await ks.table(definition)
      const samples = made.map((type, i) =>
        fc.sample((group[i] as Copied).samples(type), { seed, numRuns: count }),
      )
      const rows = Array.from({ length: count }, (_, id) => {
        const values = samples.flatMap((each, i) => [
          [`v${i}`, each[id]?.given],
          [`free${i}`, each[id]?.given],
        ])
        return { id, ...Object.fromEntries(values) }
      })
      await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table: from }))
      // This cell becomes the oldest of each row, so all other cells are read as later parts and added to it.
      const oldest = rows.map(({ id }) => ({ id, oldest: 1, at: 1 }))
      const own = { timestamp_column: 'at', allow_any_timestamp: true } as const
      await pipeline(Readable.from(oldest), createCassandraWritable({ ...ks.target, table: from, ...own }))
    }, timeout)

    it.each([
      { title: 'plain JavaScript', form: {}, between: asTheyAre, own: {} },
      { title: 'JSON', form: { json: true }, between: throughJson, own: {} },
      { title: 'classes of the driver', form: { values: 'driver' }, between: asTheyAre, own: {} },
      { title: 'cells with their times', form: { with_times: true }, between: asTheyAre, own: timed },
    ] as const)(
      'are the same after they are read as $title and written again',
      async ({ form, between, own }) => {
        const to = await ks.table(definition)
        await pipeline(
          createCassandraReadable({ ...ks.target, table: from, splits: 3, ...form }),
          between,
          createCassandraWritable({ ...ks.target, table: to, ...own }),
        )
        const wanted = await bytesIn(rawReader, `${ks.name}.${from}`)
        expect(wanted.length).toBe(count)
        expect(await bytesIn(rawReader, `${ks.name}.${to}`)).toEqual(wanted)
      },
      timeout,
    )

    it(
      'equal what the driver reads, for types that it can read',
      async () => {
        const readable = group.flatMap((each, i) => (each.isReadable ? [`v${i}`, `free${i}`] : []))
        const columns = ['id', ...readable]
        const cql = `SELECT ${columns.join(', ')} FROM ${ks.name}.${from}`
        const { rows } = await driver.execute(cql, [], { prepare: true, fetchSize: 10_000 })
        const wanted = new Map(rows.map(row => [row['id'] as unknown, row]))
        const source = createCassandraReadable({ ...ks.target, table: from, columns, values: 'driver' })
        let found = 0
        for await (const row of source) {
          found++
          const given = wanted.get(row['id'])
          for (const name of columns) expect(driverShown(row[name]), name).toEqual(driverShown(given?.[name]))
        }
        expect(found).toBe(count)
      },
      timeout,
    )
  },
)
