// A CSV file whose first line names the columns → Cassandra
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable } from 'cassandra-streams'
import { parse } from 'csv-parse'

const file = parse({
  bom: true,
  columns: true,
  cast: (text, { header, column }) => {
    if (header) return text
    // CSV has no null. `undefined` leaves the column alone; `null` would store a tombstone.
    if (text === '') return undefined
    // Cassandra's own text forms of numbers, dates and uuids are taken as they are; a list is not a text.
    return column === 'items' ? text.split('|') : text
  },
})
const sink = createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
await pipeline(createReadStream('orders.csv'), file, sink)
console.log(`${sink.stats.rows_written} rows written`)

// Next: some lines say that a row is gone → `delete_flag_column`, see Deletes in the README.
