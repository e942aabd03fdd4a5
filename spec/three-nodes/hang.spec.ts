import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'

/** Three nodes need their time to start when the machine is busy. */
const TIMEOUT_MS = 360_000

let cassandra: Cassandra
beforeAll(async () => {
  cassandra = await startCassandra({ nodes: 3 })
  const { contactPoints, localDataCenter, port } = cassandra
  const client = new Client({ contactPoints, localDataCenter, protocolOptions: { port } })
  await client.execute(
    `CREATE KEYSPACE hang WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}`,
  )
  await client.execute('CREATE TABLE hang.t (id int PRIMARY KEY)')
  await client.shutdown()
}, TIMEOUT_MS)
afterAll(() => cassandra?.stop())

describe('while one of three nodes hangs', { timeout: TIMEOUT_MS }, () => {
  it.each([1, 2, 3])(
    'which is node %i, sinks open and write, whichever contact points they are given',
    async node => {
      const hosts = cassandra.contactPoints.map(contactPoint =>
        contactPoint.slice(0, contactPoint.lastIndexOf(':')),
      )
      await cassandra.pause(node)
      onTestFinished(() => cassandra.resume(node))
      // The driver dials contact points in a random order.
      for (let opening = 0; opening < 4; opening++) {
        const sink = createCassandraWritable({
          host: opening % 2 === 0 ? hosts : [hosts[node - 1] ?? '', hosts[node % 3] ?? ''],
          port: cassandra.port,
          keyspace: 'hang',
          table: 't',
        })
        const closed = new Promise((resolve, reject) => sink.once('close', resolve).once('error', reject))
        sink.end({ id: opening })
        await closed
        expect(sink.stats).toMatchObject({ rows_written: 1, rows_failed: 0 })
      }
    },
  )
})
