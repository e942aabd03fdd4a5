// bun add cassandra-streams cassandra-driver stream-chain && bun run bun-file.js
import { createCassandraWritableStream } from 'cassandra-streams'
import { parserWebStream } from 'stream-chain/jsonl/parserWebStream.js'

const rows = new TransformStream({ transform: ({ value }, controller) => controller.enqueue(value) })
const sink = createCassandraWritableStream({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
await Bun.file('orders.ndjson').stream().pipeThrough(parserWebStream()).pipeThrough(rows).pipeTo(sink)
console.log(`${sink.stats.rows_written} rows written`)

// Next: the file is compressed → `.pipeThrough(new DecompressionStream('gzip'))` after `.stream()`.
