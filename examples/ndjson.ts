// A file with one JSON object per line → Cassandra
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable, RowError } from 'cassandra-streams'
import chain from 'stream-chain'
import { parser } from 'stream-chain/jsonl/parser.js'

const jsonLines = chain([parser(), ({ value }: { value: unknown }) => value])

const sink = createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
try {
  await pipeline(createReadStream('orders.ndjson'), jsonLines, sink)
  console.log(`${sink.stats.rows_written} rows written`)
} catch (error) {
  if (!(error instanceof RowError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

// Next: a bad row should not stop the load → dead-letters.ts.
