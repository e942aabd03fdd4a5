// pino: a log line for each retry, bad row and failed opening
import { subscribe } from 'node:diagnostics_channel'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable, type OpenContext } from 'cassandra-streams'
import { pino } from 'pino'

const log = pino({ base: null })
subscribe('cassandra-streams:retry', retry => log.warn(retry, 'Rows are sent again'))
// Its `message` quotes the bad value. `redact: ['message']` keeps values out of the log.
subscribe('cassandra-streams:bad-row', row => log.warn(row, 'A row is set aside'))
subscribe('tracing:cassandra-streams:open:error', message => {
  const { error, ...target } = message as OpenContext
  log.error({ ...target, err: error }, 'A sink cannot open')
})

const on_bad_row = () => {}
const sink = createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop', table: 'orders', on_bad_row })
const customers = ['6ba7b810-9dad-41d1-80b4-00c04fd430c8', 'nobody']
try {
  await pipeline(Readable.from(customers.map(customer => ({ customer, placed_at: new Date() }))), sink)
} catch (error) {
  log.error(error, 'The load failed')
  process.exitCode = 1
}

// Prints
//   {"level":40,"time":1772366400000,"keyspace":"shop","table":"orders","row_index":1,"code":"ERR_CASSANDRA_VALUE",
//   "column":"customer","message":"Row 1, column `customer` (uuid): \"nobody\" is not …","msg":"A row is set aside"}
// Next: stop Cassandra during the load. The sink retries until `retry_timeout_ms` is over.
