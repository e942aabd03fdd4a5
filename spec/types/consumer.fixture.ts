// Compiled by consumers.spec.ts as part of another project.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  type CassandraWritable,
  createCassandraWritable,
  createCassandraWritableStream,
  RowError,
} from 'cassandra-streams'
import { runKafkaSink } from 'cassandra-streams/kafka'
import { startCassandra } from 'cassandra-streams/testing'

interface Order {
  customer: string
  total?: bigint | null
  op: 'put' | 'delete'
}

const target = { host: '127.0.0.1', keyspace: 'shop', table: 'orders' } as const
const order: Order = { customer: 'c', op: 'put' }

export async function load(rows: AsyncIterable<Order>, web: ReadableStream<Order>): Promise<number> {
  const options = { ...target, delete_flag_column: 'op', delete_flag_value: 'delete' } as const
  const sink: CassandraWritable<Order> = createCassandraWritable<Order>(options)
  sink.write(order)
  // @ts-expect-error customer is a string
  sink.write({ customer: 1, op: 'put' })
  // @ts-expect-error a row has no such property
  createCassandraWritable<Order>({ ...target, ttl_column: 'age' })
  // @ts-expect-error there is no such option
  createCassandraWritable({ ...target, rowsPerBatch: 1 })
  await pipeline(Readable.from(rows), sink)
  const stream = createCassandraWritableStream<Order>(target)
  await web.pipeTo(stream)
  // @ts-expect-error a string is not a row
  await stream.getWriter().write('c')
  createCassandraWritable(target).write({ anything: order })
  await sink[Symbol.asyncDispose]()
  return sink.stats.rows_written + stream.stats.rows_written
}

export const isBad = (error: unknown): boolean => error instanceof RowError && error.row_index > 0
export const server = startCassandra

export const kafka = runKafkaSink
