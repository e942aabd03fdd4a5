import { readFile } from 'node:fs/promises'
import { auth, Client, types } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'
import { clientOptions } from '../../lib/testing/readiness.ts'

/** Longest time in milliseconds for a start while the machine is busy with other specs. */
const START_TIMEOUT_MS = 360_000

describe('three nodes with logins and TLS', { timeout: START_TIMEOUT_MS }, () => {
  let cassandra: Cassandra
  let client: Client

  beforeAll(async () => {
    cassandra = await startCassandra({ nodes: 3, auth: true, tls: true })
    client = new Client(driverOptions(cassandra))
    await client.connect()
    await client.execute(
      "CREATE KEYSPACE three WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}",
    )
    await client.execute('CREATE TABLE three.row (id int PRIMARY KEY)')
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    await client?.shutdown()
    await cassandra?.stop()
  })

  it('know each other', () => {
    expect(client.hosts.keys().toSorted()).toEqual(cassandra.contactPoints.toSorted())
  })

  it('have a readable log each', async () => {
    const logs = await Promise.all(cassandra.logs?.map(file => readFile(file, 'utf8')) ?? [])
    expect(logs.map(log => log.includes('Startup complete'))).toEqual([true, true, true])
  })

  it('do not drop each other from gossip while they start', async () => {
    const logs = await Promise.all(cassandra.logs?.map(file => readFile(file, 'utf8')) ?? [])
    expect(logs.flatMap(log => log.match(/.*removing from gossip/g) ?? [])).toEqual([])
  })

  it('refuse a wrong password', async () => {
    const authProvider = new auth.PlainTextAuthProvider('cassandra', 'wrong')
    const stranger = new Client({ ...driverOptions(cassandra), authProvider })
    await expect(stranger.connect()).rejects.toThrow('All host(s) tried for query failed')
    await stranger.shutdown()
  })

  it('refuse a connection without TLS', async () => {
    const { sslOptions: _, ...plain } = driverOptions(cassandra)
    const stranger = new Client(plain)
    await expect(stranger.connect()).rejects.toThrow('All host(s) tried for query failed')
    await stranger.shutdown()
  })

  it('accept QUORUM writes while one is down, and ALL after it is started again', async () => {
    const insert = 'INSERT INTO three.row (id) VALUES (?)'
    const { quorum, all } = types.consistencies
    // Nodes find out one after the other which of them are up.
    const inserted = (id: number, consistency: types.consistencies) =>
      vi.waitFor(() => client.execute(insert, [id], { prepare: true, consistency, isIdempotent: true }), {
        timeout: 60_000,
        interval: 500,
      })
    await cassandra.kill(3)
    await expect(client.execute(insert, [1], { prepare: true, consistency: all })).rejects.toThrow()
    await inserted(2, quorum)
    await client.execute('CREATE TABLE three.made_while_down (id int PRIMARY KEY)')
    await cassandra.start(3)
    // All nodes have the table that one of them missed.
    expect(await askEach(cassandra, 'SELECT * FROM three.made_while_down')).toEqual([[], [], []])
    await inserted(3, all)
    const { rows } = await client.execute('SELECT id FROM three.row', [], { consistency: all })
    expect(rows.map(row => row['id'])).toEqual(expect.arrayContaining([2, 3]))
  })

  it('all have, when resume() resolves, a table that one of them missed', async () => {
    await cassandra.pause(1)
    await vi.waitFor(() => expect(client.hosts.get(cassandra.contactPoints[0] ?? '')?.isUp()).toBe(false), {
      timeout: 200_000,
      interval: 500,
    })
    await client.execute('CREATE TABLE three.made_while_paused (id int PRIMARY KEY)')
    await cassandra.resume(1)
    expect(await askEach(cassandra, 'SELECT * FROM three.made_while_paused')).toEqual([[], [], []])
  })
})

/** The answer of each node, at a consistency level that needs all of them. */
async function askEach(cassandra: Cassandra, cql: string): Promise<Record<string, unknown>[][]> {
  return await Promise.all(
    cassandra.contactPoints.map(async point => {
      const address = point.split(':')[0] ?? ''
      const client = new Client({
        ...clientOptions({ ...cassandra, address }),
        socketOptions: { readTimeout: 60_000 },
      })
      try {
        const { rows } = await client.execute(cql, [], { consistency: types.consistencies.all })
        return rows.map(row => ({ ...row }))
      } finally {
        await client.shutdown()
      }
    }),
  )
}

function driverOptions({ contactPoints, localDataCenter, port, username, password, ca }: Cassandra) {
  return {
    contactPoints,
    localDataCenter,
    protocolOptions: { port },
    authProvider: new auth.PlainTextAuthProvider(username ?? '', password ?? ''),
    sslOptions: { ca: [ca ?? ''], rejectUnauthorized: true },
  }
}
