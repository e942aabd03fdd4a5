import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
  WriteError,
} from '../../../lib/index.ts'
import { closedPort } from '../../closedPort.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

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

describe('an error of another stream', () => {
  const counts = { rows_accepted: 9, rows_written: 4, rows_deleted: 3, rows_set_aside: 1, rows_failed: 1 }
  const outcome = { counts, unacknowledged: [{ from: 3, to: 3 }] }
  const errorOfOther = () =>
    Object.assign(new WriteError('ERR_CASSANDRA_WRITE', 'of another stream'), outcome)
  const place = (isOpen: boolean) => {
    const client = new FakeClient()
    client.automatic = true
    if (!isOpen) client.connect = () => new Promise(() => {})
    return { client: client.asClient, keyspace: 'ks', table: 't' }
  }

  const ended = {
    createCassandraWritable: async (error: Error, isOpen: boolean) => {
      const sink = createCassandraWritable(place(isOpen))
      sink.on('error', () => {})
      sink.write({ id: 1 }, () => {})
      if (isOpen) await sink.flush()
      sink.destroy(error)
      await new Promise(resolve => sink.once('close', resolve))
    },
    createCassandraWritableStream: async (error: Error, isOpen: boolean) => {
      const stream = createCassandraWritableStream(place(isOpen))
      const writer = stream.getWriter()
      writer.closed.catch(() => {})
      writer.write({ id: 1 }).catch(() => {})
      if (isOpen) await stream.flush()
      await writer.abort(error)
    },
    createMicroBatchSink: async (error: Error, isOpen: boolean) => {
      const checkpoint_location = join(folder, `other-${isOpen}`)
      const sink = createMicroBatchSink({ ...place(isOpen), checkpoint_location })
      sink.on('error', () => {})
      sink.write({ id: 1 }, () => {})
      if (isOpen) await sink.flush()
      sink.destroy(error)
      await new Promise(resolve => sink.once('close', resolve))
    },
    'writeEpoch()': async (error: Error, isOpen: boolean) => {
      const checkpoint_location = join(folder, `epoch-${isOpen}`)
      const sink = createMicroBatchSink({ ...place(isOpen), checkpoint_location })
      sink.on('error', () => {})
      const rows = async function* () {
        yield { id: 1 }
        throw error
      }
      const writing = sink.writeEpoch(0, rows()).catch((error: unknown) => error)
      if (isOpen) expect(await writing).toBe(error)
      sink.destroy(error)
      await writing
    },
  }

  describe.each(Object.entries(ended))('that ends %s', (_, end) => {
    it.each([
      ['while it opens', false],
      ['when it is open', true],
    ])('%s keeps its counts and its rows', async (_, isOpen) => {
      const error = errorOfOther()
      await end(error, isOpen)
      expect(error).toMatchObject(outcome)
    })
  })
})
