// A topic of Kafka → Cassandra, each message exactly once, by any number of processes. Start this program twice and the two
// share the partitions; kill one and the other goes on where it was.
import { runKafkaSink } from 'cassandra-streams/kafka'

const sink = runKafkaSink({
  brokers: '127.0.0.1:9092',
  group_id: 'orders-to-cassandra',
  topics: 'orders',
  // What remembers how far each partition is, for all processes of the group.
  checkpoint: 'checkpoints',
  // The key of a message is a customer and a time; a message without a value deletes that order.
  row: ({ key, value }) => {
    const [customer = '', placed_at = ''] = String(key).split('|')
    return { customer, placed_at, ...(value === null ? {} : (JSON.parse(String(value)) as object)) }
  },
  tombstones: 'delete',
  on_bad_row: (error, { topic, partition, offset }) =>
    console.error(`${topic}/${partition} at ${offset}: ${error.message}`),
  host: '127.0.0.1',
  keyspace: 'shop',
  table: 'orders',
})

setInterval(() => {
  const { partitions, messages, rows_written, rows_deleted } = sink.stats
  console.log(
    `${partitions} partitions: ${messages} messages, ${rows_written} written, ${rows_deleted} deleted`,
  )
}, 1000).unref()

process.once('SIGTERM', () => sink.stop().catch(() => {}))
await sink.done
console.log(`left after ${sink.stats.rows_written + sink.stats.rows_deleted} rows`)

// Next: how many processes, and what to do about retention → docs/scale-out.md.
