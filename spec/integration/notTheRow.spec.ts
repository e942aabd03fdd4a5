import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import type { Cassandra } from '../../lib/testing/cassandra.ts'
import { usableJava } from '../../lib/testing/choose.ts'
import { startCluster } from '../../lib/testing/cluster.ts'
import { areJarsIn, fetchJars, jarFolder } from '../../lib/testing/jars.ts'
import { findJava } from '../../lib/testing/java.ts'
import { revokedRole } from '../faults/oneNode.ts'

const TIMEOUT_MS = 180_000

let cassandra: Cassandra
let admin: Client
beforeAll(async () => {
  const jars = await jarFolder()
  if (!(await areJarsIn(jars))) await fetchJars(jars)
  cassandra = await startCluster({
    nodes: 1,
    auth: true,
    tls: false,
    durable: false,
    java: usableJava(await findJava())?.command ?? 'java',
    jars,
    // Guardrails do not apply to superusers.
    yaml: {
      write_consistency_levels_disallowed: ['ONE'],
      column_value_size_fail_threshold: '1KiB',
      items_per_collection_fail_threshold: 3,
    },
  })
  const { contactPoints, localDataCenter, username = '', password = '' } = cassandra
  admin = new Client({ contactPoints, localDataCenter, credentials: { username, password } })
  for (const cql of [
    "CREATE KEYSPACE guarded WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    'CREATE TABLE guarded.t (id int PRIMARY KEY, v text, l list<int>)',
    "CREATE ROLE loader WITH PASSWORD = 'loader' AND LOGIN = true",
    'GRANT SELECT ON KEYSPACE guarded TO loader',
    'GRANT MODIFY ON KEYSPACE guarded TO loader',
  ])
    await admin.execute(cql)
}, TIMEOUT_MS)
afterAll(async () => {
  await admin?.shutdown()
  await cassandra?.stop()
}, TIMEOUT_MS)

const sinkWith = (more: Partial<CassandraWritableOptions> = {}) => {
  const [host = '', port = ''] = cassandra.contactPoints[0]?.split(':') ?? []
  const login = { username: 'loader', password: 'loader' }
  return createCassandraWritable({ host, port, ...login, keyspace: 'guarded', table: 't', ...more })
}
const failureOf = (rows: Iterable<object>, more: Partial<CassandraWritableOptions> = {}) =>
  pipeline(Readable.from(rows), sinkWith(more)).then(
    () => undefined,
    error => error,
  )

describe('a guardrail on a value', () => {
  it('is the fault of that row only, which can be set aside', async () => {
    const rows = [
      { id: 1, v: 'x' },
      { id: 2, v: 'x'.repeat(5_000) },
      { id: 3, l: [1, 2, 3, 4, 5] },
      { id: 4, v: 'y' },
    ]
    const told: string[] = []
    const sink = sinkWith({ on_bad_row: error => void told.push(`${error.row_index} ${error.code}`) })
    await pipeline(Readable.from(rows), sink)
    expect(told.sort()).toEqual(['1 ERR_CASSANDRA_ROW_REFUSED', '2 ERR_CASSANDRA_ROW_REFUSED'])
    expect(sink.stats).toMatchObject({ rows_written: 2, rows_set_aside: 2 })
    expect(await failureOf(rows)).toMatchObject({
      code: 'ERR_CASSANDRA_ROW_REFUSED',
      row_index: 1,
      message: expect.stringContaining('column_value_size'),
    })
  })
})

describe('an error that is not the fault of a row names no row and says what to change', () => {
  it('for a consistency level that the cluster disallows', async () => {
    expect(await failureOf([{ id: 1 }], { consistency: 'ONE' })).toMatchObject({
      name: 'WriteError',
      code: 'ERR_CASSANDRA_CONSISTENCY',
      message: expect.stringMatching(/`consistency`.*\[ONE\]/),
    })
  })

  it.each(['THREE', 'TWO'] as const)(
    'for a consistency level for which the keyspace has too few replicas: %s',
    async consistency => {
      expect(await failureOf([{ id: 1 }], { consistency })).toMatchObject({
        code: 'ERR_CASSANDRA_CONSISTENCY',
        message: expect.stringContaining(consistency),
      })
    },
  )

  it('for a role that loses its permission in the middle of a load, and every row is stored or reported', async () => {
    const { localDataCenter } = cassandra
    const [host = '', port = ''] = cassandra.contactPoints[0]?.split(':') ?? []
    const target = { host, port: Number(port), keyspace: 'guarded' }
    const run = await revokedRole.run({ client: admin, target, localDataCenter, random: Math.random })
    expect(run).toMatchObject({ lost: 0, wrong: 0, problems: [] })
    expect(run.rows).toBeGreaterThan(100)
  })
})
