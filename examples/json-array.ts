// One JSON array, larger than memory → Cassandra. stream-json gives its items one by one.
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable } from 'cassandra-streams'
import chain from 'stream-chain'
import { parser } from 'stream-json'
import { streamArray } from 'stream-json/streamers/stream-array.js'

const orders = chain([
  createReadStream('orders.json'),
  parser(),
  // Numbers stay text, so `decimal` keeps all digits: 0.1234567890123456789 would lose some as a JavaScript number.
  // So write moments as ISO text here, not as numbers of milliseconds.
  streamArray<object>({ numberAsString: true }),
  ({ value }: { value: object }) => value,
])
const sink = createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
await pipeline(orders, sink)
console.log(`${sink.stats.rows_written} rows written`)

// Next: the array is nested in the document → `pick({ filter: 'data.orders' })` of stream-json, before streamArray().
