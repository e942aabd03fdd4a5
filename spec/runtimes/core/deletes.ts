import { deepEqual, equal } from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable, RowError } from 'cassandra-streams'
import { rejection, type Suite } from './suite.ts'

const flag = { delete_flag_column: 'op', delete_flag_value: 'delete' }

export const deletes: Suite = {
  async 'deletes the rows that carry the flag, in any case, and writes the others'(keyspace) {
    const table = await keyspace.table('p int, c int, v text, PRIMARY KEY (p, c)')
    const all = Array.from({ length: 2000 }, (_, i) => ({ p: i % 20, c: i, v: `row ${i}`, op: 'insert' }))
    const gone = all
      .filter(({ c }) => c % 2 === 0)
      .map(({ p, c }) => ({ p, c, op: c % 4 ? 'DELETE' : 'Delete' }))
    const sink = createCassandraWritable({ ...keyspace.target, table, ...flag })
    await pipeline(Readable.from([...all, ...gone]), sink)
    deepEqual([sink.stats.rows_written, sink.stats.rows_deleted], [2000, 1000])
    const left = await keyspace.all(table)
    deepEqual(
      left.map(row => row['c']).sort((a, b) => Number(a) - Number(b)),
      all.map(({ c }) => c).filter(c => c % 2 === 1),
    )
  },

  async 'refuses a row without the flag'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ ...keyspace.target, table, ...flag })
    const error = await rejection(pipeline(Readable.from([{ id: 1, op: '' }, { id: 2 }]), sink))
    equal(error instanceof RowError && error.code, 'ERR_CASSANDRA_DELETE_FLAG_MISSING')
    equal(error instanceof RowError && error.row_index, 1)
    equal((await keyspace.all(table)).length, 1)
  },
}
