import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type CassandraReadableOptions,
  countRows,
  createCassandraReadable,
  createCassandraWritable,
} from '../../lib/index.ts'
import type { Cassandra } from '../../lib/testing/cassandra.ts'
import { usableJava } from '../../lib/testing/choose.ts'
import { startCluster } from '../../lib/testing/cluster.ts'
import { areJarsIn, fetchJars, jarFolder } from '../../lib/testing/jars.ts'
import { findJava } from '../../lib/testing/java.ts'

const TIMEOUT_MS = 180_000
const MOST_TOMBSTONES = 500

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
    yaml: { tombstone_failure_threshold: MOST_TOMBSTONES },
  })
  const { contactPoints, localDataCenter, username = '', password = '' } = cassandra
  admin = new Client({ contactPoints, localDataCenter, credentials: { username, password } })
  for (const cql of [
    "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE ROLE clerk WITH PASSWORD = 'clerk' AND LOGIN = true",
    'GRANT SELECT ON KEYSPACE shop TO clerk',
    'GRANT MODIFY ON KEYSPACE shop TO clerk',
  ])
    await admin.execute(cql)
}, TIMEOUT_MS)
afterAll(async () => {
  await admin?.shutdown()
  await cassandra?.stop()
}, TIMEOUT_MS)

const targetOf = (table: string) => {
  const [host = '', port = ''] = cassandra.contactPoints[0]?.split(':') ?? []
  return { host, port, username: 'clerk', password: 'clerk', keyspace: 'shop', table }
}

interface Row {
  readonly id: number
  readonly c: number
}

const read = (table: string, more: Partial<CassandraReadableOptions> = {}): Promise<Row[]> =>
  createCassandraReadable<Row & Record<string, unknown>>({ ...targetOf(table), ...more }).toArray()

/** Creates a table whose `deleted` rows are row tombstones. */
async function create(table: string, deleted: Iterable<Row>, live: Iterable<Row>): Promise<void> {
  await admin.execute(`CREATE TABLE shop.${table} (id int, c int, v text, PRIMARY KEY (id, c))`)
  const rows = function* () {
    for (const row of deleted) yield { ...row, isDeleted: 'yes' }
    for (const row of live) yield { ...row, v: `v ${row.id}`, isDeleted: 'no' }
  }
  const flag = { delete_flag_column: 'isDeleted', delete_flag_value: 'yes' }
  await pipeline(Readable.from(rows()), createCassandraWritable({ ...targetOf(table), ...flag }))
}

const rowsOf = (partitions: number, rows = 1): Row[] =>
  Array.from({ length: partitions * rows }, (_, i) => ({ id: Math.floor(i / rows), c: i % rows }))

const sorted = (rows: readonly Row[]) => rows.map(({ id, c }) => `${id} ${c}`).sort()

describe('tombstones of which a server takes no more', { timeout: TIMEOUT_MS }, () => {
  it('do not hide the rows between emptied partitions', async () => {
    const live = Array.from({ length: 10 }, (_, i) => ({ id: 1_999 * i, c: 1 }))
    await create('emptied', rowsOf(20_000), live)
    for (const splits of [1, 64]) expect(sorted(await read('emptied', { splits }))).toEqual(sorted(live))
    expect(sorted(await read('emptied', { after: null }))).toEqual(sorted(live))
    expect(await countRows(targetOf('emptied'))).toMatchObject({ rows: 10, partitions: 10 })
  })
})
