import type { Writable } from 'node:stream'
import {
  type CassandraWritable,
  type CassandraWritableOptions,
  createCassandraWritable,
} from '../../lib/index.ts'
import { FakeClient, type FakeColumn, rowsOf } from '../fake/fakeClient.ts'

export interface Scene {
  readonly client: FakeClient
  readonly sink: CassandraWritable
  /** Names of the stream's events in the order in which they came. */
  readonly events: string[]
  readonly errors: Error[]
  /** Resolves at 'close'. */
  readonly closed: Promise<void>
}

/** A sink with a fake client, and a record of its events. */
export function scene(
  options: Partial<CassandraWritableOptions> = {},
  change: (client: FakeClient) => void = () => {},
  columns?: readonly FakeColumn[],
): Scene {
  const client = new FakeClient(columns)
  change(client)
  const sink = createCassandraWritable({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    flush_interval_ms: 0,
    ...options,
  })
  const events: string[] = []
  const errors: Error[] = []
  for (const name of ['finish', 'close', 'drain'] as const) sink.on(name, () => events.push(name))
  sink.on('error', error => {
    events.push('error')
    errors.push(error)
  })
  const closed = new Promise<void>(resolve => sink.once('close', resolve))
  return { client, sink, events, errors, closed }
}

export const row = (id: number, v = `v${id}`) => ({ id, v })

/** Writes a row. Resolves when its callback comes. */
export function written(sink: Writable, chunk: unknown): Promise<void> {
  return new Promise((resolve, reject) => sink.write(chunk, error => (error ? reject(error) : resolve())))
}

/** Runs everything that is ready to run. Depends on the phases of the event loop and on no clock. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** Ids of all rows that reached the client, with repeats. */
export function idsSent(client: FakeClient): number[] {
  return client.writes
    .flatMap(write => {
      const count = rowsOf(write)
      const each = write.binds.length / count
      return Array.from({ length: count }, (_, i) => (write.binds[i * each] as Buffer).readInt32BE())
    })
    .sort((a, b) => a - b)
}

export const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** An error of Cassandra, in the form of the driver. */
export function serverError(code: number, message = `code ${code}`): Error {
  return Object.assign(new Error(message), { name: 'ResponseError', code })
}
