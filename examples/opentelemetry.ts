// OpenTelemetry: a span and a measurement of db.client.operation.duration per request
import { subscribe } from 'node:diagnostics_channel'
import { pipeline } from 'node:stream/promises'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import * as metrics from '@opentelemetry/sdk-metrics'
import * as traces from '@opentelemetry/sdk-trace-base'
import { createCassandraWritable, type RequestContext } from 'cassandra-streams'

const spans = new traces.SimpleSpanProcessor(new traces.ConsoleSpanExporter())
const reader = new metrics.PeriodicExportingMetricReader({ exporter: new metrics.ConsoleMetricExporter() })
const tracer = new traces.BasicTracerProvider({ spanProcessors: [spans] }).getTracer('cassandra-streams')
const meter = new metrics.MeterProvider({ readers: [reader] }).getMeter('cassandra-streams')
const advice = { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] }
const duration = meter.createHistogram('db.client.operation.duration', { unit: 's', advice })

const starts = new WeakMap<object, number>() // All messages of a request are the same object.
const begin = (request: unknown) => void starts.set(request as object, performance.now())
subscribe('tracing:cassandra-streams:request:start', begin)
subscribe('tracing:cassandra-streams:request:asyncEnd', request => {
  const { keyspace, table, operation, rows, consistency, error } = request as RequestContext
  const { code, message = '' } = (error ?? {}) as { readonly code?: unknown; readonly message?: string }
  const [startTime, endTime] = [starts.get(request as object) ?? performance.now(), performance.now()]
  const keyword = operation.replace('append', 'update').replace('_static', '').toUpperCase() // As in CQL.
  const isBatch = rows > 1 && operation !== 'select'
  const name = isBatch ? `BATCH ${keyword}` : keyword
  const attributes = {
    'db.system.name': 'cassandra',
    'db.namespace': keyspace,
    'db.collection.name': table,
    'db.operation.name': name,
    ...(typeof code === 'number' && { 'db.response.status_code': String(code) }),
    ...(error !== undefined && { 'error.type': String(code ?? '_OTHER') }),
  }
  duration.record((endTime - startTime) / 1000, attributes)
  const span = tracer.startSpan(`${name} ${table}`, { kind: SpanKind.CLIENT, startTime, attributes })
  span.setAttribute('cassandra.consistency.level', consistency.toLowerCase())
  if (isBatch) span.setAttribute('db.operation.batch.size', rows)
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end(endTime)
})

const customer = '6ba7b810-9dad-41d1-80b4-00c04fd430c8'
const orders = [19, 20].map(hour => ({ customer, placed_at: new Date(2026, 2, 1, hour) }))
const sink = createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
await pipeline(orders, sink)
await Promise.all([spans.shutdown(), reader.shutdown()])

// Prints the span `name: 'BATCH INSERT orders'` with `'db.operation.batch.size': 2`, and the histogram.
// Next: OTLP exporters. Do not add @opentelemetry/instrumentation-cassandra-driver, or each request has two spans.
