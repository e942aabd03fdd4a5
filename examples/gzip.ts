// A compressed file, one JSON object per line → Cassandra. Nothing is unpacked to disk, and memory stays flat.
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { createCassandraWritable } from 'cassandra-streams'
import chain from 'stream-chain'
import { parser } from 'stream-chain/jsonl/parser.js'

const jsonLines = chain([parser(), ({ value }: { value: unknown }) => value])

const sink = createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
await pipeline(createReadStream('orders.ndjson.gz'), createGunzip(), jsonLines, sink)
console.log(`${sink.stats.rows_written} rows written`)

// Next: rows come over HTTP instead of from a file → fastify-upload.ts.
