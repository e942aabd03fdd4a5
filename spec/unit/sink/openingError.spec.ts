import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
} from '../../../lib/index.ts'
import { closedPort } from '../../closedPort.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
})
afterAll(() => rm(folder, { recursive: true }))

const options = async () => ({ host: '127.0.0.1', port: await closedPort(), keyspace: 'ks', table: 't' })
const rows = [{ id: 1 }, { id: 2 }]

const failing = {
  createCassandraWritable: async () => {
    const sink = createCassandraWritable(await options())
    for (const row of rows) sink.write(row, () => {})
    const flushed = sink.flush().catch((error: unknown) => error)
    const [error] = await once(sink, 'error')
    expect(await flushed).toBe(error)
    return error
  },
  createCassandraWritableStream: async () => {
    const writer = createCassandraWritableStream(await options()).getWriter()
    for (const row of rows) writer.write(row).catch(() => {})
    return await writer.closed.catch((error: unknown) => error)
  },
  createMicroBatchSink: async () => {
    const sink = createMicroBatchSink({ ...(await options()), checkpoint_location: join(folder, 'orders') })
    for (const row of rows) sink.write(row, () => {})
    const [error] = await once(sink, 'error')
    return error
  },
}

describe('an error of opening', () => {
  it('has the rows of one sink only, although sinks that open together share their client', async () => {
    const given = { ...(await options()), ssl_enabled: true, ssl_ca_cert: join(folder, 'absent.pem') }
    const sinks = [createCassandraWritable(given), createCassandraWritable(given)] as const
    for (const row of rows) sinks[0].write(row, () => {})
    const errors = await Promise.all(sinks.map(async sink => (await once(sink, 'error'))[0]))
    expect(errors.map(({ code, unacknowledged }) => [code, unacknowledged])).toEqual([
      ['ERR_CASSANDRA_OPTION', [{ from: 0, to: 1 }]],
      ['ERR_CASSANDRA_OPTION', []],
    ])
  })

  it.each(Object.entries(failing))(
    'of %s has counts, and names the rows that were given',
    async (_, fail) => {
      expect(await fail()).toMatchObject({
        code: 'ERR_CASSANDRA_CONNECT',
        counts: { rows_written: 0 },
        unacknowledged: [{ from: 0, to: 1 }],
      })
    },
  )
})
