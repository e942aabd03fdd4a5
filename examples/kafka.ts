// A topic of Kafka → Cassandra, each message exactly once, with any number of processes. Start this program twice, and the two
// processes share the partitions. Kill one, and the other continues after its last commit.
import { runKafkaSink } from 'cassandra-streams/kafka'

const sink = runKafkaSink({
  brokers: '127.0.0.1:9092',
  group_id: 'orders-to-cassandra',
  topics: 'orders',
  // Records the position of each partition, for all processes of the group. The folder must exist.
  checkpoint: 'checkpoints',
  // The key of a message is a customer and a time. A message without a value deletes that order.
  row: ({ key, value }) => {
    const [customer = '', placed_at = ''] = String(key).split('|')
    return { customer, placed_at, ...(value === null ? {} : (JSON.parse(String(value)) as object)) }
  },
  tombstones: 'delete',
  on_bad_row: error => console.error(error.message),
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

// Next: the number of processes, and retention → docs/scale-out.md.
