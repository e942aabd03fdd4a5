import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { TIMEOUT_MS, useThreeNodes } from './cluster.ts'

const three = useThreeNodes()
beforeAll(async () => {
  const replication = `{'class': 'SimpleStrategy', 'replication_factor': 3}`
  await three.client.execute(`CREATE KEYSPACE hang WITH replication = ${replication}`)
  await three.client.execute('CREATE TABLE hang.t (id int PRIMARY KEY)')
}, TIMEOUT_MS)

describe('while one of three nodes hangs', { timeout: TIMEOUT_MS }, () => {
  it.each([1, 2, 3])('which is node %i, sinks open and write with any contact points', async node => {
    const { cassandra } = three
    const hosts = cassandra.contactPoints.map(contactPoint =>
      contactPoint.slice(0, contactPoint.lastIndexOf(':')),
    )
    await cassandra.pause(node)
    onTestFinished(() => cassandra.resume(node), TIMEOUT_MS)
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
  })
})
