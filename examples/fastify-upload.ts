// curl --data-binary @orders.ndjson -H 'content-type: application/x-ndjson' http://127.0.0.1:3000/orders
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { createCassandraWritable, RowError } from 'cassandra-streams'
import { fastify } from 'fastify'
import chain from 'stream-chain'
import { parser } from 'stream-chain/jsonl/parser.js'

const jsonLines = () => chain([parser(), ({ value }: { value: unknown }) => value])

// One client for all uploads: each sink borrows it and leaves it open.
const client = new Client({ contactPoints: ['127.0.0.1:9042'], localDataCenter: 'datacenter1' })
const app = fastify()
// The body stays a stream. When Cassandra is slow the upload is: no row waits in memory.
app.addContentTypeParser('application/x-ndjson', (_request, body, done) => done(null, body))
app.post<{ Body: Readable }>('/orders', { bodyLimit: 2 ** 40 }, async ({ body }, reply) => {
  const sink = createCassandraWritable({ client, keyspace: 'shop', table: 'orders' })
  try {
    // A body that is destroyed takes the connection with it, and the answer: so the iterator leaves it whole.
    const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>
    await pipeline(Readable.from(chunks), jsonLines(), sink)
    return { rows_written: sink.stats.rows_written }
  } catch (error) {
    // Past the rest of the body, so that the connection is free again.
    body.resume()
    if (!(error instanceof RowError)) throw error
    return reply.code(422).send({ line: error.row_index + 1, column: error.column, expected: error.expected })
  }
})
console.log(await app.listen({ port: Number(process.env['PORT'] ?? 3000) }))

// Next: a client that gave up in the middle sends everything again, which is safe: the same rows end as the same table.
