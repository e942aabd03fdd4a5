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
    // The sink accepts numbers, dates and uuids as text. A list must be an Array.
    return column === 'items' ? text.split('|') : text
  },
})
const sink = createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop', table: 'orders' })
await pipeline(createReadStream('orders.csv'), file, sink)
console.log(`${sink.stats.rows_written} rows written`)

// Next: some lines mark deleted rows → `delete_flag_column`, see "Deletes" in the README.
