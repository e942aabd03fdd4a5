// Prometheus: counters, a gauge and a histogram, with prom-client
import { subscribe } from 'node:diagnostics_channel'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as streams from 'cassandra-streams'
import { Counter, Gauge, Histogram, register } from 'prom-client'

const prefix = 'cassandra_streams'
const retries = new Counter({ name: `${prefix}_retries_total`, help: 'Requests sent again' })
const badRows = new Counter({
  name: `${prefix}_bad_rows_total`,
  help: 'Rows set aside',
  labelNames: ['code'],
})
const window = new Gauge({ name: `${prefix}_window`, help: 'Most requests that may be in flight' })
const duration = new Histogram({ name: `${prefix}_request_duration_seconds`, help: 'Time per request' })

subscribe('cassandra-streams:retry', () => retries.inc())
subscribe('cassandra-streams:bad-row', row => badRows.inc({ code: (row as streams.BadRowMessage).code }))
subscribe('cassandra-streams:window', message => window.set((message as streams.WindowMessage).limit))
const timers = new WeakMap<object, () => void>() // All messages of a request are the same object.
subscribe('tracing:cassandra-streams:request:start', request => {
  timers.set(request as object, duration.startTimer())
})
subscribe('tracing:cassandra-streams:request:asyncEnd', request => timers.get(request as object)?.())

const orders = { host: '127.0.0.1', keyspace: 'shop', table: 'orders' }
const sink = streams.createCassandraWritable({ ...orders, on_bad_row: () => {} })
new Counter({
  name: `${prefix}_rows_written_total`,
  help: 'Rows acknowledged',
  // The sink counts rows anyway, so the count is read only when Prometheus asks for it.
  collect() {
    this.reset()
    this.inc(sink.stats.rows_written)
  },
})
const customers = ['6ba7b810-9dad-41d1-80b4-00c04fd430c8', 'nobody']
await pipeline(Readable.from(customers.map(customer => ({ customer, placed_at: new Date() }))), sink)
console.log(await register.metrics())

// Prints these lines and the histogram. The gauge is 0 until the window first changes:
//   cassandra_streams_retries_total 0
//   cassandra_streams_bad_rows_total{code="ERR_CASSANDRA_VALUE"} 1
//   cassandra_streams_window 0
//   cassandra_streams_rows_written_total 1
// Next: a server that answers GET /metrics with `register.metrics()` and the content type `register.contentType`.
