import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
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

  it('lets a sink start before the database of a `client` of the caller', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const port = await closedPort()
    const client = new Client({ contactPoints: [`127.0.0.1:${port}`], localDataCenter: 'datacenter1' })
    onTestFinished(() => client.shutdown())
    const connect = client.connect.bind(client)
    let tries = 0
    const failed = new Promise<void>(resolve => {
      client.connect = () => {
        if (++tries === 2) resolve()
        return connect()
      }
    })
    const sink = createCassandraWritable({ client, keyspace: ks.name, table, wait_for_server_ms: 600_000 })
    sink.end({ id: 1 })
    const end = endOf(sink)
    expect(await Promise.race([failed, end])).toBeUndefined()
    const proxy = await OutageProxy.start(inject('cassandra'), '127.0.0.1', port)
    onTestFinished(() => proxy.stop())
    expect(await end).toBe('finished')
    expect(await ks.select(`SELECT id FROM ${ks.name}.${table}`)).toEqual([{ id: 1 }])
  })

  it('does not let a `client` with a wrong datacenter wait', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const { host, port } = ks.target
    const client = new Client({ contactPoints: [`${host}:${port}`], localDataCenter: 'nowhere' })
    onTestFinished(() => client.shutdown())
    const target = { client, keyspace: ks.name, table, wait_for_server_ms: 3_600_000 }
    const [error] = await once(createCassandraWritable(target), 'error')
    expect(error.message).toBe(
      'The `localDataCenter` of the `client` is wrong: the cluster has datacenter1, not `nowhere`',
    )
  })

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
