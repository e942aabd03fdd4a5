import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCassandraReadable, createCassandraWritable } from '../../lib/index.ts'
import { type CqlType, cqlTypeName, scalarNames } from '../../lib/table/cqlType.ts'
import { driverShown } from '../values/driverShown.ts'
import { isReadable, nestedType, thawed } from '../values/randomTypes.ts'
import { samplesOf } from '../values/samples.ts'
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

const scalars = scalarNames.map((name): CqlType => ({ kind: 'scalar', name }))
const random = fc.sample(nestedType, { seed, numRuns: runs >= 1000 ? 200 : 40 })
const types = [...scalars, ...random]
const groups = Array.from({ length: Math.ceil(types.length / TYPES_A_TABLE) }, (_, i) =>
  types.slice(i * TYPES_A_TABLE, (i + 1) * TYPES_A_TABLE),
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
      for (const type of group) made.push(await createTypes(ks, type))
      const columns = made.map(
        (type, i) => `v${i} ${cqlTypeName(type)}, free${i} ${cqlTypeName(thawed(type))}`,
      )
      definition = `id int PRIMARY KEY, oldest int, ${columns.join(', ')}`
      from = await ks.table(definition)
      const samples = made.map(type => fc.sample(samplesOf(type), { seed, numRuns: count }))
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
        const readable = made.flatMap((type, i) => (isReadable(type) ? [`v${i}`, `free${i}`] : []))
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
