import { type Readable, Transform, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import {
  type CassandraWritable,
  type CassandraWritableOptions,
  type CassandraWritableStats,
  type CassandraWritableStream,
  countRows,
  createCassandraReadable,
  createCassandraReadableStream,
  createCassandraWritable,
  createCassandraWritableStream,
} from 'cassandra-streams'
import { describe, expectTypeOf, it } from 'vitest'

// Code without a comment must compile. Code with `@ts-expect-error` must not compile. Nothing here runs.

interface Order {
  readonly customer: string
  readonly placed_at: Date | string
  readonly total?: bigint | string | null
  readonly op?: 'insert' | 'delete'
}

interface Visit {
  readonly page: string
}

type Change = { kind: 'put'; id: number; v: string; age: number } | { kind: 'drop'; id: number }

const target = { host: '127.0.0.1', keyspace: 'shop', table: 'orders' }
const order: Order = { customer: 'c', placed_at: new Date(), total: 5n }
const visit: Visit = { page: '/' }

declare const orders: Readable
declare const ordersOnline: ReadableStream<Order>
declare const visitsOnline: ReadableStream<Visit>
declare function ordersByGenerator(): AsyncGenerator<Order>

describe('a sink without a row type', () => {
  const sink = createCassandraWritable(target)

  it('accepts objects of every kind, also interfaces', () => {
    expectTypeOf(sink).toEqualTypeOf<CassandraWritable<object>>()
    sink.write({ any: 1, thing: [2] })
    sink.write(order)
    sink.end(visit)
  })

  it('accepts no row that is not an object', () => {
    // @ts-expect-error a string is not a row
    sink.write('customer')
    // @ts-expect-error a number is not a row
    sink.write(1)
    // @ts-expect-error null ends a stream in Node
    sink.write(null)
    // @ts-expect-error undefined is not a row
    sink.write(undefined)
    // @ts-expect-error a string is not a row
    sink.end('customer')
  })

  it('accepts any name for the options that name a property', () => {
    createCassandraWritable({
      ...target,
      delete_flag_column: 'op',
      delete_flag_value: 'x',
      ttl_column: 'age',
    })
    expectTypeOf(
      createCassandraWritable({ ...target, delete_flag_column: 'op', delete_flag_value: 'x' }),
    ).toEqualTypeOf<CassandraWritable<object>>()
    const name: string = 'op'
    createCassandraWritable({ ...target, timestamp_column: name })
  })

  it('may be a record of anything', () => {
    const loose = createCassandraWritable<Record<string, unknown>>({ ...target, ttl_column: 'age' })
    loose.write({ anything: 1 })
  })
})

describe('a sink with a row type', () => {
  const sink = createCassandraWritable<Order>(target)

  it('accepts its rows in every form of write() and end()', () => {
    expectTypeOf(sink.write(order)).toEqualTypeOf<boolean>()
    sink.write(order, error => expectTypeOf(error).toEqualTypeOf<Error | null | undefined>())
    sink.write(order, 'utf8', () => {})
    sink.write({ customer: 'c', placed_at: '2026-03-01T12:00:00Z' })
    expectTypeOf(sink.end()).toEqualTypeOf<CassandraWritable<Order>>()
    sink.end(() => {})
    sink.end(order)
    sink.end(order, () => {})
  })

  it('accepts no other row', () => {
    // @ts-expect-error placed_at is missing
    sink.write({ customer: 'c' })
    // @ts-expect-error customer is a string
    sink.write({ customer: 1, placed_at: new Date() })
    // @ts-expect-error there is no such column
    sink.write({ customer: 'c', placed_at: new Date(), totl: 1n })
    // @ts-expect-error a row of another table
    sink.write(visit)
    // @ts-expect-error a string is not a row
    sink.write('c', 'utf8')
    // @ts-expect-error a row of another table
    sink.end(visit)
    // @ts-expect-error placed_at is missing
    sink.end({ customer: 'c' }, () => {})
    // @ts-expect-error an array of rows is not a row
    sink.write([order])
  })

  it('may get its row type from the variable that it is assigned to', () => {
    const assigned: CassandraWritable<Order> = createCassandraWritable(target)
    // @ts-expect-error a row of another table
    assigned.write(visit)
    // @ts-expect-error its rows have no such property
    const wrong: CassandraWritable<Order> = createCassandraWritable({ ...target, ttl_column: 'age' })
    expectTypeOf(wrong).not.toBeAny()
  })

  it('accepts only properties of its rows for the options that name a property', () => {
    createCassandraWritable<Order>({ ...target, delete_flag_column: 'op', delete_flag_value: 'delete' })
    // @ts-expect-error its rows have no such property
    createCassandraWritable<Order>({ ...target, delete_flag_column: 'opp', delete_flag_value: 'delete' })
    // @ts-expect-error its rows have no such property
    createCassandraWritable<Order>({ ...target, ttl_column: 'age' })
    // @ts-expect-error its rows have no such property
    createCassandraWritable<Order>({ ...target, timestamp_column: 'at' })
    createCassandraWritable<Order>({ ...target, operation_column: 'op' })
    // @ts-expect-error its rows have no such property
    createCassandraWritable<Order>({ ...target, operation_column: 'opp' })
    createCassandraWritable<Change>({ ...target, ttl_column: 'age', delete_flag_column: 'kind' })
    // @ts-expect-error no kind of row has such a property
    createCassandraWritable<Change>({ ...target, ttl_column: 'v2' })
    expectTypeOf<CassandraWritableOptions<Change>['ttl_column']>().toEqualTypeOf<
      'kind' | 'id' | 'v' | 'age' | undefined
    >()
  })

  it('accepts each kind of row of a union', () => {
    const changes = createCassandraWritable<Change>(target)
    changes.write({ kind: 'drop', id: 1 })
    // @ts-expect-error a put needs its values
    changes.write({ kind: 'put', id: 1 })
  })

  it('cannot have a row type that is not an object', () => {
    // @ts-expect-error a string is not a row
    createCassandraWritable<string>(target)
  })
})

describe('composing in Node', () => {
  const sink = createCassandraWritable<Order>(target)

  it('works as the end of pipeline() and pipe()', async () => {
    const toOrder = new Transform({ objectMode: true })
    expectTypeOf(pipeline(orders, sink)).toEqualTypeOf<Promise<void>>()
    await pipeline(orders, toOrder, sink)
    await pipeline(ordersByGenerator, sink)
    await pipeline(ordersByGenerator(), sink, { signal: AbortSignal.timeout(1) })
    await pipeline(
      orders,
      async function* (rows) {
        for await (const row of rows) yield row
      },
      sink,
    )
    expectTypeOf(orders.pipe(sink)).toEqualTypeOf<CassandraWritable<Order>>()
    await pipeline(orders, createCassandraWritable(target))
    await finished(sink)
  })

  it('is accepted as a Writable', () => {
    expectTypeOf(sink).toExtend<Writable>()
    expectTypeOf(sink).toExtend<NodeJS.WritableStream>()
    Writable.toWeb(sink)
  })

  it('works with await using', async () => {
    await using disposed = createCassandraWritable<Order>(target)
    disposed.write(order)
  })

  it('shows stats that only it can change', () => {
    expectTypeOf(sink.stats).toEqualTypeOf<CassandraWritableStats>()
    // @ts-expect-error stats are read only
    sink.stats.rows_written = 1
  })
})

describe('a WritableStream of rows', () => {
  const stream = createCassandraWritableStream<Order>(target)

  it('accepts its rows and no others', () => {
    const writer = stream.getWriter()
    expectTypeOf(writer.write(order)).toEqualTypeOf<Promise<void>>()
    // @ts-expect-error a row of another table
    writer.write(visit)
    // @ts-expect-error placed_at is missing
    writer.write({ customer: 'c' })
  })

  it('is accepted by pipeTo() of streams of its rows, and of no others', async () => {
    await ordersOnline.pipeTo(stream)
    await visitsOnline
      .pipeThrough(new TransformStream<Visit, Order>({ transform: (_, to) => to.enqueue(order) }))
      .pipeTo(stream)
    // @ts-expect-error a row of another table
    await visitsOnline.pipeTo(stream)
  })

  it('accepts objects of every kind without a row type', async () => {
    const loose = createCassandraWritableStream({ ...target, ttl_column: 'age' })
    expectTypeOf(loose).toEqualTypeOf<CassandraWritableStream<object>>()
    await loose.getWriter().write({ any: 1 })
    await visitsOnline.pipeTo(loose)
    // @ts-expect-error a string is not a row
    await loose.getWriter().write('customer')
  })

  it('accepts only properties of its rows for the options that name a property', () => {
    createCassandraWritableStream<Order>({ ...target, delete_flag_column: 'op', delete_flag_value: 'x' })
    // @ts-expect-error its rows have no such property
    createCassandraWritableStream<Order>({ ...target, ttl_column: 'age' })
  })

  it('is accepted as a WritableStream, and has stats', () => {
    expectTypeOf(stream).toExtend<WritableStream<Order>>()
    expectTypeOf(stream.stats).toEqualTypeOf<CassandraWritableStats>()
  })

  it('works with await using', async () => {
    await using disposed = createCassandraWritableStream<Order>(target)
    await disposed.getWriter().write(order)
  })
})

describe('options', () => {
  it('are refused at compile time when a name or a value is wrong', () => {
    // @ts-expect-error table is missing
    createCassandraWritable({ host: '127.0.0.1', keyspace: 'shop' })
    // @ts-expect-error there is no such option
    createCassandraWritable({ ...target, rowsPerBatch: 10 })
    // @ts-expect-error a number or its digits
    createCassandraWritable({ ...target, rows_per_batch: true })
    // @ts-expect-error there is no such consistency
    createCassandraWritable({ ...target, consistency: 'ANY' })
    createCassandraWritable({ ...target, consistency: 'local_one', host: ['a', 'b'], ttl: undefined })
    createCassandraWritable({ ...target, port: process.env['CASSANDRA_PORT'], delete_flag_value: true })
  })

  it('of a reader are refused in the same way', () => {
    createCassandraReadable({ ...target, consistency: 'LOCAL_ONE', splits: '64' })
    createCassandraReadable({ ...target, consistency: 'local_quorum' })
    createCassandraReadableStream({ ...target, consistency: 'one' })
    void countRows({ ...target, consistency: 'quorum' })
    // @ts-expect-error there is no such consistency
    createCassandraReadable({ ...target, consistency: 'any' })
  })
})
