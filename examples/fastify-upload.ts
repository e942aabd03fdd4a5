// curl --data-binary @orders.ndjson -H 'content-type: application/x-ndjson' http://127.0.0.1:3000/orders
// prints {"rows_written":500}, or the error of the first bad line. Blank lines are skipped and not counted.
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { createCassandraWritable, RowError } from 'cassandra-streams'
import { fastify } from 'fastify'
import chain, { none } from 'stream-chain'
import { fixUtf8Stream } from 'stream-chain/utils/fixUtf8Stream.js'
import { lines } from 'stream-chain/utils/lines.js'

function jsonLines() {
  let line = 0
  const parse = (text: string): object | typeof none => {
    if (text.trim() === '') return none
    line++
    try {
      return JSON.parse(text) ?? {} // A stream cannot carry null. The sink refuses {}, because it has no key.
    } catch (error) {
      throw Object.assign(error as SyntaxError, { line })
    }
  }
  return chain([fixUtf8Stream(), lines(), parse])
}

// All uploads share one client. A sink does not close a client that it was given.
const client = new Client({ contactPoints: ['127.0.0.1:9042'], localDataCenter: 'datacenter1' })
const app = fastify()
// The body stays a stream, so a slow Cassandra slows the upload down.
app.addContentTypeParser('application/x-ndjson', (_request, body, done) => done(null, body))
app.post<{ Body: Readable }>('/orders', { bodyLimit: 2 ** 40 }, async ({ body }, reply) => {
  const rows = jsonLines()
  const sink = createCassandraWritable({ client, keyspace: 'shop', table: 'orders' })
  try {
    // `pipeline(body, …)` would destroy the body on an error, and with it the connection.
    body.on('error', error => rows.destroy(error)).pipe(rows)
    await pipeline(rows, sink)
    return { rows_written: sink.stats.rows_written }
  } catch (error) {
    // Read the rest of the body, so that the next request can use the connection.
    body.unpipe(rows).resume()
    if (error instanceof SyntaxError) return reply.code(400).send({ ...error, message: error.message })
    if (!(error instanceof RowError)) throw error
    return reply.code(422).send({ line: error.row_index + 1, column: error.column, expected: error.expected })
  }
})
console.log(await app.listen({ port: Number(process.env['PORT'] ?? 3000) }))

// Next: a client that lost its connection uploads everything again. The same rows leave the same table.
