import { deepEqual, equal, ok } from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  CassandraStreamsError,
  type CassandraWritableOptions,
  ConnectionError,
  createCassandraWritable,
  OptionError,
  RowError,
  SchemaError,
} from 'cassandra-streams'
import { rejection, type Suite } from './suite.ts'

function write(options: CassandraWritableOptions, rows: unknown[]): Promise<unknown> {
  return rejection(pipeline(Readable.from(rows), createCassandraWritable(options)))
}

function code(error: unknown): unknown {
  ok(error instanceof CassandraStreamsError, String(error))
  return error.code
}

export const errors: Suite = {
  async 'refuses an unknown option with the nearest known one'({ target }) {
    const options = { ...target, table: 't', rowsPerBatch: 1 }
    const error = await rejection(Promise.resolve().then(() => createCassandraWritable(options)))
    equal(code(error), 'ERR_CASSANDRA_OPTION_UNKNOWN')
    ok(error instanceof OptionError && error.message.includes('rows_per_batch'), String(error))
  },

  async 'names a host that refuses the connection'({ target }) {
    const error = await write({ ...target, table: 't', port: 1 }, [{ id: 1 }])
    equal(code(error), 'ERR_CASSANDRA_CONNECT')
    ok(error instanceof ConnectionError)
    equal(error.hosts[0]?.host, `${target.host}:1`)
  },

  async 'names a keyspace and a table that do not exist'({ target }) {
    const keyspace = await write({ ...target, keyspace: 'nowhere', table: 't' }, [{ id: 1 }])
    equal(code(keyspace), 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND')
    const table = await write({ ...target, table: 'nothing' }, [{ id: 1 }])
    equal(code(table), 'ERR_CASSANDRA_TABLE_NOT_FOUND')
    ok(table instanceof SchemaError && table.message.includes('nothing'))
  },

  async 'names row, column and type of a bad value, after the rows before it are written'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY, small tinyint')
    const rows = [{ id: 1, small: 127 }, { id: 2, small: 128 }, { id: 3 }]
    const error = await write({ ...keyspace.target, table }, rows)
    equal(code(error), 'ERR_CASSANDRA_VALUE')
    ok(error instanceof RowError)
    deepEqual([error.row_index, error.column, error.cql_type], [1, 'small', 'tinyint'])
    const counts = { rows_accepted: 1, rows_written: 1, rows_deleted: 0, rows_failed: 0, rows_set_aside: 0 }
    deepEqual(error.counts, counts)
    deepEqual(await keyspace.all(table), [{ id: 1, small: 127 }])
  },

  async 'refuses a row without its key, and a column that the table does not have'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY, v int')
    const options = { ...keyspace.target, table }
    equal(code(await write(options, [{ v: 1 }])), 'ERR_CASSANDRA_KEY_MISSING')
    equal(code(await write(options, [{ id: 1, w: 1 }])), 'ERR_CASSANDRA_COLUMN_UNKNOWN')
  },

  async 'stops when its signal is aborted'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const stop = new AbortController()
    const sink = createCassandraWritable({ ...keyspace.target, table, signal: stop.signal })
    const endless = function* () {
      for (let id = 0; ; id++) {
        if (id === 5000) stop.abort()
        yield { id }
      }
    }
    const error = await rejection(pipeline(Readable.from(endless()), sink))
    equal((error as Error).name, 'AbortError')
    equal(sink.destroyed, true)
  },
}
