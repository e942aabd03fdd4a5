import { deepEqual } from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable } from 'cassandra-streams'
import { randomFrom } from '../../random.ts'
import { type Keyspace, type Suite, sameRows } from './suite.ts'
import { columns, meaning } from './values.ts'

const names = Object.keys(columns)

interface Sampled {
  readonly given: Record<string, unknown>
  readonly meant: Record<string, unknown>
}

export function sampleRow(random: () => number, i: number): Sampled {
  const given: Record<string, unknown> = { bucket: i % 100, id: i }
  const meant: Record<string, unknown> = { bucket: String(i % 100), id: String(i) }
  for (const [name, { sample }] of Object.entries(columns)) {
    const [value, plain] = sample(random)
    given[name] = value
    meant[name] = plain
  }
  return { given, meant }
}

/** Columns and primary key of a table with a column of every type. */
export async function typesDefinition(keyspace: Keyspace): Promise<string> {
  await keyspace.client.execute(
    `CREATE TYPE IF NOT EXISTS ${keyspace.name}.address (street text, zip int, tags frozen<set<text>>)`,
  )
  const definitions = Object.entries(columns).map(([name, { type }]) => `${name} ${type}`)
  return `bucket int, id int, ${definitions.join(', ')}, PRIMARY KEY (bucket, id)`
}

export const rows: Suite = {
  async 'writes rows of every type that are read back exactly'(keyspace) {
    const { seed, rows: count } = keyspace.surroundings
    const table = await keyspace.table(await typesDefinition(keyspace))
    const random = randomFrom(seed)
    const expected: Record<string, unknown>[] = []
    const source = function* () {
      for (let i = 0; i < count; i++) {
        const { given, meant } = sampleRow(random, i)
        expected.push(meant)
        yield given
      }
    }
    const sink = createCassandraWritable({ ...keyspace.target, table })
    await pipeline(Readable.from(source()), sink)
    deepEqual([sink.stats.rows_accepted, sink.stats.rows_written, sink.stats.rows_failed], [count, count, 0])

    const found = await keyspace.all(table)
    found.sort((a, b) => Number(a['id']) - Number(b['id']))
    const columnNames = ['bucket', 'id', ...names]
    sameRows(
      found.map(row => Object.fromEntries(columnNames.map(name => [name, meaning(row[name])]))),
      expected,
    )
  },

  async 'stores null and leaves a missing column alone'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY, a text, b text')
    const options = { ...keyspace.target, table }
    await pipeline(Readable.from([{ id: 1, a: 'a', b: 'b' }]), createCassandraWritable(options))
    await pipeline(Readable.from([{ id: 1, a: null }]), createCassandraWritable(options))
    deepEqual(await keyspace.all(table), [{ id: 1, a: null, b: 'b' }])
  },
}
