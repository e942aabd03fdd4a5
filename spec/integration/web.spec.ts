import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import chain from 'stream-chain/web'
import { streamArray } from 'stream-json/web/streamers/stream-array.js'
import { describe, expect, it } from 'vitest'
import { createCassandraWritableStream, RowError } from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('web_spec')

interface Place {
  id: number
  name: string
  height: number
}

const place = (id: number): Place => ({ id, name: `place ${id} ✓ 雪`, height: id / 3 })
const columns = 'id int PRIMARY KEY, name text, height double'

function places(count: number): ReadableStream<Place> {
  let id = 0
  return new ReadableStream({
    pull: controller => (id < count ? controller.enqueue(place(id++)) : controller.close()),
  })
}

async function stored(table: string): Promise<Record<string, unknown>[]> {
  const found = await ks.select(`SELECT id, name, height FROM ${ks.name}.${table}`)
  return found.sort((a, b) => Number(a['id']) - Number(b['id']))
}

/** Serves `count` places as one JSON array, in pieces that cut characters in two. */
async function serving(count: number): Promise<{ url: string; [Symbol.asyncDispose](): Promise<void> }> {
  const bytes = Buffer.from(JSON.stringify(Array.from({ length: count }, (_, id) => place(id))))
  const server = createServer((_, response) => {
    for (let at = 0; at < bytes.length; at += 1021) response.write(bytes.subarray(at, at + 1021))
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Resolves when the number of the server's connections from clients of this name satisfies `wanted`. */
async function connectionsReach(wanted: (count: number) => boolean, name: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const clients = await ks.select('SELECT client_options FROM system_views.clients')
    const options = clients.map(client => client['client_options'] as Record<string, string> | null)
    if (wanted(options.filter(option => option?.['APPLICATION_NAME'] === name).length)) return
  }
  throw new Error(`The connections of ${name} did not get there`)
}

describe('a WritableStream into a real Cassandra', () => {
  it('writes 20,000 rows of pipeTo, and reading finds exactly the same rows', async () => {
    const table = await ks.table(columns)
    const stream = createCassandraWritableStream<Place>({ ...ks.target, table })
    await places(20_000).pipeTo(stream)
    expect(stream.stats).toMatchObject({ rows_accepted: 20_000, rows_written: 20_000, rows_failed: 0 })
    expect(await stored(table)).toEqual(Array.from({ length: 20_000 }, (_, id) => place(id)))
  })

  it('writes the body of a Response through TextDecoderStream and stream-json', async () => {
    const table = await ks.table(columns)
    await using server = await serving(3000)
    const { body } = await fetch(server.url)
    const stream = createCassandraWritableStream<Place>({ ...ks.target, table })
    await body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(streamArray.withParserAsWebStream())
      .pipeThrough(
        new TransformStream<{ value: Place }, Place>({ transform: ({ value }, to) => to.enqueue(value) }),
      )
      .pipeTo(stream)
    expect(await stored(table)).toEqual(Array.from({ length: 3000 }, (_, id) => place(id)))
  })

  it('writes the output of a stream-chain', async () => {
    const table = await ks.table(columns)
    const doubled = chain([(row: Place) => (row.id % 2 === 0 ? { ...row, height: row.id * 2 } : null)])
    await places(100)
      .pipeThrough(
        doubled as {
          readable: ReadableStream<Place>
          writable: WritableStream<Place>
        },
      )
      .pipeTo(createCassandraWritableStream<Place>({ ...ks.target, table }))
    expect(await stored(table)).toEqual(
      Array.from({ length: 50 }, (_, i) => ({ ...place(i * 2), height: i * 4 })),
    )
  })

  it('keeps the row that arrived last when one key comes many times', async () => {
    const table = await ks.table(columns)
    const stream = createCassandraWritableStream<Place>({ ...ks.target, table, rows_per_batch: 64 })
    const writer = stream.getWriter()
    const reused = place(0)
    for (let i = 0; i < 5000; i++) {
      await writer.ready
      reused.id = i % 7
      reused.height = i
      void writer.write(reused)
    }
    await writer.close()
    const found = await stored(table)
    expect(found.map(({ height }) => Number(height)).toSorted()).toEqual(
      [4993, 4994, 4995, 4996, 4997, 4998, 4999].toSorted(),
    )
  })

  it('deletes by flag, in the order of the stream', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const stream = createCassandraWritableStream({
      ...ks.target,
      table,
      delete_flag_column: 'op',
      delete_flag_value: 'delete',
    })
    const writer = stream.getWriter()
    for (let id = 0; id < 100; id++) {
      void writer.write({ id, v: 1, op: '' })
      void writer.write({ id, op: 'delete' })
      if (id % 2 === 0) void writer.write({ id, v: 2, op: '' })
    }
    await writer.close()
    const found = await ks.select(`SELECT id, v FROM ${ks.name}.${table}`)
    expect(found.length).toBe(50)
    expect(found.every(({ id, v }) => Number(id) % 2 === 0 && v === 2)).toBe(true)
    expect(stream.stats).toMatchObject({ rows_written: 150, rows_deleted: 100 })
  })

  it('stops at the first bad row, with the rows before it written and the source cancelled', async () => {
    const table = await ks.table(columns)
    let cancelled: unknown
    let id = 0
    const source = new ReadableStream({
      pull: controller => controller.enqueue(id === 1234 ? { id: 'x' } : place(id)) ?? void id++,
      cancel: reason => {
        cancelled = reason
      },
    })
    const error = await source.pipeTo(createCassandraWritableStream({ ...ks.target, table })).catch(e => e)
    expect(error).toBeInstanceOf(RowError)
    expect(error).toMatchObject({
      row_index: 1234,
      column: 'id',
      counts: { rows_written: 1234, rows_failed: 0 },
    })
    expect(cancelled).toBe(error)
    expect((await stored(table)).length).toBe(1234)
  })

  it.each([
    ['close()', (stream: WritableStream) => stream.close()],
    ['abort()', (stream: WritableStream) => stream.abort()],
    [
      'a failure',
      async (stream: WritableStream) => {
        await stream
          .getWriter()
          .write({ id: 'x' })
          .catch(() => {})
      },
    ],
    ['await using', (stream: AsyncDisposable) => stream[Symbol.asyncDispose]()],
  ] as const)('gives its connections back after %s', async (_, end) => {
    const table = await ks.table(columns)
    const applicationName = `web spec ${randomUUID()}`
    // The driver has had this option since 4.3, but its types have not.
    const client_options = { applicationName } as object
    const stream = createCassandraWritableStream({ ...ks.target, table, client_options })
    await connectionsReach(count => count > 0, applicationName)
    await end(stream)
    await connectionsReach(count => count === 0, applicationName)
  })
})
