// A file with one JSON object per line → Cassandra. Rows that cannot be stored → another file; fix them there and load that file.
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable } from 'cassandra-streams'
import chain from 'stream-chain'
import { parser } from 'stream-chain/jsonl/parser.js'

// First: npx tsx dead-letters.ts. After fixing the bad rows: npx tsx dead-letters.ts orders.ndjson.rejected
const [, , source = 'orders.ndjson'] = process.argv
const jsonLines = chain([
  parser(),
  ({ value }: { value: unknown }) => (value as { row?: object }).row ?? value,
])

const rejected = await open(`${source}.rejected`, 'w')
const sink = createCassandraWritable({
  host: '127.0.0.1',
  keyspace: 'shop',
  table: 'orders',
  // The stream waits for the disk. If the disk is full, the stream ends with ERR_CASSANDRA_ON_BAD_ROW.
  on_bad_row: ({ code, column, message }, row) =>
    rejected.appendFile(`${JSON.stringify({ code, column, message, row })}\n`),
  // More than half bad rows probably mean that this is the wrong file.
  max_errors: '50%',
})
await pipeline(createReadStream(source), jsonLines, sink)
await rejected.close()
const { rows_written, rows_set_aside } = sink.stats
console.log(`${rows_written} rows written, ${rows_set_aside} in ${source}.rejected`)

// Next: the file is compressed → gzip.ts.
