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
import { integerBelow, randomFrom } from '../random.ts'
import { keyOf } from '../tokens.ts'

const TIMEOUT_MS = 180_000
const MOST_TOMBSTONES = 500
const MOST_PAGE_ROWS = 1000
const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

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
    // The guardrail does not apply to superusers.
    yaml: { tombstone_failure_threshold: MOST_TOMBSTONES, page_size_fail_threshold: MOST_PAGE_ROWS },
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

const read = (table: string, more: Partial<CassandraReadableOptions> = {}): Promise<Row[]> =>
  createCassandraReadable<Row>({ ...targetOf(table), ...more }).toArray()

/** Stores rows, and deletes others, each by a tombstone of its own. */
async function fill(table: string, { live, deleted }: { live: readonly Row[]; deleted: readonly Row[] }) {
  const rows = function* () {
    for (const row of deleted) yield { ...row, isDeleted: 'yes' }
    for (const row of live) yield { ...row, v: 'x', isDeleted: 'no' }
  }
  const flag = { delete_flag_column: 'isDeleted', delete_flag_value: 'yes' }
  await pipeline(Readable.from(rows()), createCassandraWritable({ ...targetOf(table), ...flag }))
}

type Row = Record<string, unknown>

const sorted = (rows: readonly Row[]) =>
  rows.map(({ id, k, c }) => `${k === undefined ? id : (k as Buffer).toString('hex')} ${c}`).sort()

describe('tombstones of which a server takes no more', { timeout: TIMEOUT_MS }, () => {
  it('do not hide the rows between emptied partitions', async () => {
    await admin.execute('CREATE TABLE shop.emptied (id int, c int, v text, PRIMARY KEY (id, c))')
    const live = Array.from({ length: 10 }, (_, i) => ({ id: 1_999 * i, c: 1 }))
    await fill('emptied', { live, deleted: Array.from({ length: 20_000 }, (_, id) => ({ id, c: 0 })) })
    for (const splits of [1, 64]) expect(sorted(await read('emptied', { splits }))).toEqual(sorted(live))
    expect(sorted(await read('emptied', { after: null }))).toEqual(sorted(live))
    expect(await countRows(targetOf('emptied'))).toMatchObject({ rows: 10, partitions: 10 })
  })

  it.each([
    ['pairs', '(k, c)'],
    ['composite', '((k, a), c)'],
  ])(`do not hide rows behind a page that came, in a table of %s (seed ${seed})`, async (table, key) => {
    await admin.execute(`CREATE TABLE shop.${table} (a text, c int, k blob, v text, PRIMARY KEY ${key})`)
    const random = randomFrom(seed)
    const live: Row[] = []
    const deleted: Row[] = []
    for (let i = 0; i < 150; i++) {
      const isEmptied = random() < 0.6
      const size = isEmptied ? MOST_TOMBSTONES / 4 : 1 + integerBelow(30, random)
      // Two partitions per token, unless the key has another column.
      const k = keyOf(BigInt(i >> 1) * 2n ** 57n, BigInt(i % 2))
      for (let c = 0; c < size; c++) (isEmptied ? deleted : live).push({ k, a: `a ${i}`, c })
    }
    await fill(table, { live, deleted })
    for (const options of [
      {},
      { splits: 1, fetch_size: 7 },
      { splits: 1, fetch_size: 20, after: null },
      { splits: 1, fetch_size: 7, columns: ['v', 'c', 'a', 'k'] },
      { splits: 1, fetch_size: 20, with_times: true },
      { splits: 1, fetch_size: 7, where: 'c >= ?', params: [0], allow_filtering: true },
    ])
      expect({ options, rows: sorted(await read(table, options)) }).toEqual({ options, rows: sorted(live) })
    expect(await countRows({ ...targetOf(table), splits: 1 })).toMatchObject({ rows: live.length })
  })

  it('end the read if one partition has too many, and the error says so and where', async () => {
    await admin.execute('CREATE TABLE shop.heap (id int, c int, v text, PRIMARY KEY (id, c))')
    const deleted = Array.from({ length: 4 * MOST_TOMBSTONES }, (_, c) => ({ id: 1, c }))
    await fill('heap', { live: [{ id: 1, c: -1 }], deleted })
    const told = (place: string) => ({
      code: 'ERR_CASSANDRA_READ',
      message: expect.stringMatching(
        `^shop.heap, in ${place}, cannot be read: .*READ_TOO_MANY_TOMBSTONES.*\`tombstone_failure_threshold\``,
      ),
    })
    const ofRange = told('the tokens above -?\\d+ up to -?\\d+')
    await expect(read('heap')).rejects.toMatchObject(ofRange)
    await expect(countRows(targetOf('heap'))).rejects.toMatchObject(ofRange)
    const ofPartition = told('the partitions that `where` names')
    await expect(read('heap', { where: 'id = 1' })).rejects.toMatchObject(ofPartition)
  })
})

describe('a guardrail on the size of pages', { timeout: TIMEOUT_MS }, () => {
  it('hinders no sink and no source from opening', async () => {
    await admin.execute('CREATE TABLE shop.short (id int, c int, v text, PRIMARY KEY (id, c))')
    const live = [{ id: 1, c: 1 }]
    await fill('short', { live, deleted: [] })
    expect(sorted(await read('short'))).toEqual(sorted(live))
  })

  it('makes pages smaller, also for a count and with `where`', async () => {
    await admin.execute('CREATE TABLE shop.long (id int, c int, v text, PRIMARY KEY (id, c))')
    const live = Array.from({ length: 20 * MOST_PAGE_ROWS }, (_, c) => ({ id: c % 2, c }))
    await fill('long', { live, deleted: [] })
    expect(sorted(await read('long', { fetch_size: 100_000 }))).toEqual(sorted(live))
    const ofOne = await read('long', { where: 'id = 1' })
    expect(sorted(ofOne)).toEqual(sorted(live.filter(({ id }) => id === 1)))
    expect(await countRows(targetOf('long'))).toMatchObject({ rows: live.length })
  })
})
