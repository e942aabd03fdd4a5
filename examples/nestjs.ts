// npm install cassandra-streams cassandra-driver @nestjs/common @nestjs/core reflect-metadata rxjs
// npx tsc -p . && node nestjs.js, with the tsconfig of a Nest project, prints "2 orders written".
import 'reflect-metadata'
import { finished } from 'node:stream/promises'
import { Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { type CassandraWritable, createCassandraWritable } from 'cassandra-streams'

type Order = { customer: string; placed_at: Date; total: string }

const ORDERS_SINK = Symbol('ORDERS_SINK')

@Injectable()
export class Orders implements OnApplicationShutdown {
  constructor(@Inject(ORDERS_SINK) readonly sink: CassandraWritable<Order>) {}

  /** Resolves when Cassandra has acknowledged the order. Concurrent calls share requests. */
  async add(order: Order): Promise<void> {
    const error = await this.sink.validate(order)
    if (error !== undefined) throw error
    this.sink.write(order)
    await this.sink.flush()
  }

  /** Nest calls this after the last request. The sink first sends the rows that it still holds. */
  onApplicationShutdown = (): Promise<void> => finished(this.sink.end())
}

// One sink for the life of the process. If retries take longer than `retry_timeout_ms`, the sink fails and the process ends.
const options = { host: '127.0.0.1', keyspace: 'shop', table: 'orders' }
const useFactory = () => createCassandraWritable<Order>(options)

@Module({ providers: [Orders, { provide: ORDERS_SINK, useFactory }] })
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] })
  app.enableShutdownHooks()
  const orders = app.get(Orders)
  const customer = '00000000-0000-4000-8000-000000000001'
  const times = [new Date(0), new Date(1)]
  await Promise.all(times.map(placed_at => orders.add({ customer, placed_at, total: '9.99' })))
  await app.close()
  console.log(`${orders.sink.stats.rows_written} orders written`)
}
main()

// Next: a controller that calls `orders.add()` and answers 422 to an error with a `column`.
