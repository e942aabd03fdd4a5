import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCassandraReadable, createCassandraWritable } from '../../lib/index.ts'
import { type CqlType, cqlTypeName, scalarNames } from '../../lib/table/cqlType.ts'
import { nestedType, thawed } from '../values/randomTypes.ts'
import { samplesOf } from '../values/samples.ts'
import { useKeyspace } from './keyspace.ts'
import { useRawReader } from './rawReader.ts'
import { createTypes, runs, seed, timeout } from './valueTable.ts'

const ks = useKeyspace('types_copy_spec')

const rawReader = useRawReader()

/** Types that share a table, since a table takes its time to be created. */
const TYPES_A_TABLE = 12

const scalars = scalarNames.map((name): CqlType => ({ kind: 'scalar', name }))
const random = fc.sample(nestedType, { seed, numRuns: runs >= 1000 ? 200 : 40 })
const types = [...scalars, ...random]
const groups = Array.from({ length: Math.ceil(types.length / TYPES_A_TABLE) }, (_, i) =>
  types.slice(i * TYPES_A_TABLE, (i + 1) * TYPES_A_TABLE),
)
/** Values of each type, also in the short form of this spec. */
const count = Math.max(200, runs)

async function bytesIn(table: string): Promise<string[]> {
  const { rows } = await rawReader.execute(`SELECT * FROM ${ks.name}.${table}`, [], {
    prepare: true,
    fetchSize: 100_000,
  })
  return rows
    .map(row =>
      row
        .values()
        .map(value => (value === null ? '-' : (value as Buffer).toString('hex')))
        .join(),
    )
    .sort()
}

describe(`${count} values of each type are the same after they were read and written again (seed ${seed})`, () => {
  it.for(groups.map((group, i) => ({ group, i })))('of group $i', { timeout }, async ({ group }) => {
    const made: CqlType[] = []
    for (const type of group) made.push(await createTypes(ks, type))
    const columns = made.map((type, i) => `v${i} ${cqlTypeName(type)}, free${i} ${cqlTypeName(thawed(type))}`)
    const definition = `id int PRIMARY KEY, oldest int, ${columns.join(', ')}`
    const from = await ks.table(definition)
    const [to, timed] = [await ks.table(definition), await ks.table(definition)]
    const samples = made.map(type => fc.sample(samplesOf(type), { seed, numRuns: count }))
    const rows = Array.from({ length: count }, (_, id) => {
      const values = samples.flatMap((each, i) => [
        [`v${i}`, each[id]?.given],
        [`free${i}`, each[id]?.given],
      ])
      return { id, ...Object.fromEntries(values) }
    })
    await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table: from }))
    // All other cells are then read by their times, and added to this one.
    const oldest = rows.map(({ id }) => ({ id, oldest: 1, at: 1 }))
    const own = { timestamp_column: 'at', allow_any_timestamp: true } as const
    await pipeline(Readable.from(oldest), createCassandraWritable({ ...ks.target, table: from, ...own }))
    await pipeline(
      createCassandraReadable({ ...ks.target, table: from, splits: 3 }),
      createCassandraWritable({ ...ks.target, table: to }),
    )
    const wanted = await bytesIn(from)
    expect(wanted.length).toBe(count)
    expect(await bytesIn(to)).toEqual(wanted)
    await pipeline(
      createCassandraReadable({ ...ks.target, table: from, splits: 3, with_times: true }),
      createCassandraWritable({
        ...ks.target,
        table: timed,
        timestamp_column: 'write_time',
        ttl_column: 'ttl',
        operation_column: 'operation',
        allow_any_timestamp: true,
      }),
    )
    expect(await bytesIn(timed)).toEqual(wanted)
  })
})
