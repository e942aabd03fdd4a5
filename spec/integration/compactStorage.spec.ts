import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { countRows, createCassandraReadable, createCassandraWritable } from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('compact_storage_spec')

/** The schema lists hidden columns of such tables, and some columns with another kind than in CQL. */
describe.each([
  {
    table: 'without_clustering',
    columns: 'id int PRIMARY KEY, a int, b text',
    rows: [
      { id: 1, a: 10, b: 'x' },
      { id: 2, a: null, b: 'y' },
      { id: 3, a: 30, b: 'z' },
    ],
    key: { id: 3 },
  },
  {
    table: 'with_value',
    columns: 'id int, at int, v text, PRIMARY KEY (id, at)',
    rows: [
      { id: 1, at: 1, v: 'x' },
      { id: 1, at: 2, v: 'y' },
      { id: 3, at: 3, v: 'z' },
    ],
    key: { id: 3, at: 3 },
  },
  {
    table: 'of_keys',
    columns: 'id int, at int, PRIMARY KEY (id, at)',
    rows: [
      { id: 1, at: 1 },
      { id: 1, at: 2 },
      { id: 3, at: 3 },
    ],
    key: { id: 3, at: 3 },
  },
])('a table WITH COMPACT STORAGE, $table,', ({ table, columns, rows, key }) => {
  it('is written, deleted from, read and counted by the columns that CQL shows', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.${table} (${columns}) WITH COMPACT STORAGE`)
    const target = { ...ks.target, table }
    const write = (more: readonly object[]) =>
      pipeline(
        Readable.from(more),
        createCassandraWritable({ ...target, delete_flag_column: 'gone', delete_flag_value: 'yes' }),
      )
    const read = async (more = {}) => {
      const found = await createCassandraReadable({ ...target, ...more }).toArray()
      return found.sort((a, b) => order(a) - order(b))
    }
    await write(rows.map(row => ({ ...row, gone: 'no' })))
    expect(await read()).toEqual(rows)
    expect(await read({ columns: 'id' })).toEqual(rows.map(({ id }) => ({ id })))
    expect((await countRows(target)).rows).toBe(rows.length)
    await write([{ ...key, gone: 'yes' }])
    expect(await read()).toEqual(rows.slice(0, 2))
  })
})

const order = (row: object): number => {
  const { id, at = 0 } = row as { readonly id: number; readonly at?: number }
  return 10 * id + at
}
