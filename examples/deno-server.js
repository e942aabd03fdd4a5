// deno add npm:cassandra-streams npm:cassandra-driver npm:stream-chain && deno run --allow-all deno-server.js
// curl --data-binary @orders.ndjson http://127.0.0.1:8000/
// prints {"rows_written":500}, or the line and the column of the first bad row.
import process from 'node:process'
import { createCassandraWritableStream, RowError } from 'cassandra-streams'
import { parserWebStream } from 'stream-chain/jsonl/parserWebStream.js'

Deno.serve({ port: Number(process.env.PORT ?? 8000) }, async ({ body }) => {
  if (body === null) return new Response('Expected one JSON object per line', { status: 400 })
  const rows = new TransformStream({ transform: ({ value }, controller) => controller.enqueue(value) })
  const sink = createCassandraWritableStream({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
  try {
    await body.pipeThrough(parserWebStream()).pipeThrough(rows).pipeTo(sink)
    return Response.json({ rows_written: sink.stats.rows_written })
  } catch (error) {
    if (error instanceof SyntaxError) return Response.json({ message: error.message }, { status: 400 })
    if (!(error instanceof RowError)) throw error
    return Response.json({ line: error.row_index + 1, column: error.column }, { status: 422 })
  }
})

// Next: many uploads → share one `client` of cassandra-driver between the sinks, as fastify-upload.ts does.
