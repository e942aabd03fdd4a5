import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { createCassandraWritable, createMicroBatchSink } from '../../lib/index.ts'
import { closedPort } from '../closedPort.ts'
import { OutageProxy } from '../proxy/outageProxy.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('wait_for_server_spec')
const checkpoints = useCheckpoints()

const endOf = (sink: NodeJS.WritableStream) =>
  new Promise<string>(resolve => {
    sink.once('finish', () => resolve('finished'))
    sink.once('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message))
  })

describe('wait_for_server_ms', () => {
  it.each(['createCassandraWritable', 'createMicroBatchSink'])(
    'lets %s start before its database',
    async name => {
      const table = await ks.table('id int PRIMARY KEY')
      const port = await closedPort()
      const options = { ...ks.target, port, table, wait_for_server_ms: 30_000 }
      const sink =
        name === 'createCassandraWritable'
          ? createCassandraWritable(options)
          : createMicroBatchSink({ ...options, checkpoint_location: checkpoints.location() })
      sink.end({ id: 1 })
      const end = endOf(sink)
      await delay(1_500)
      const proxy = await OutageProxy.start(inject('cassandra'), '127.0.0.1', port)
      onTestFinished(() => proxy.stop())
      expect(await end).toBe('finished')
      expect(await ks.select(`SELECT id FROM ${ks.name}.${table}`)).toEqual([{ id: 1 }])
    },
    60_000,
  )

  it('limits the time, and no other fault is retried', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const port = await closedPort()
    const from = performance.now()
    expect(
      await endOf(createCassandraWritable({ ...ks.target, port, table, wait_for_server_ms: 1_000 })),
    ).toBe('ERR_CASSANDRA_CONNECT')
    expect(performance.now() - from).toBeGreaterThan(950)
    const long = { ...ks.target, wait_for_server_ms: 3_600_000 }
    expect(await endOf(createCassandraWritable({ ...long, table: 'nowhere' }))).toBe(
      'ERR_CASSANDRA_TABLE_NOT_FOUND',
    )
    expect(await endOf(createCassandraWritable({ ...long, table, local_datacenter: 'nowhere' }))).toBe(
      'ERR_CASSANDRA_CONNECT',
    )
  })

  it('ends at once when the stream is destroyed', async () => {
    const port = await closedPort()
    const sink = createCassandraWritable({ ...ks.target, port, table: 't', wait_for_server_ms: 3_600_000 })
    await delay(500)
    sink.destroy()
    await once(sink, 'close')
  })
})
