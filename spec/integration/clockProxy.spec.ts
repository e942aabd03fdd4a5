import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { ClockProxy } from '../proxy/clockProxy.ts'
import { useKeyspace } from './keyspace.ts'

const DAY_MS = 86_400_000

const ks = useKeyspace('clock_proxy_spec')

describe('the clock proxy', () => {
  let proxy: ClockProxy
  let client: Client
  let table: string

  beforeAll(async () => {
    table = `${ks.name}.${await ks.table('id int PRIMARY KEY, big bigint')}`
    proxy = await ClockProxy.start(inject('cassandra'), DAY_MS)
    client = new Client({
      contactPoints: [`${proxy.host}:${proxy.port}`],
      localDataCenter: inject('cassandra').localDataCenter,
    })
    await client.connect()
  })
  afterAll(async () => {
    await client?.shutdown()
    await proxy?.stop()
  })

  /** Minutes by which the clock behind the proxy appears to be ahead of the real one. */
  async function minutesAhead(through: Client, prepare: boolean): Promise<number> {
    const cql = 'SELECT toUnixTimestamp(now()) AS now, cluster_name FROM system.local'
    const [seen, real] = await Promise.all(
      [through, ks.client].map(asked => asked.execute(cql, [], { prepare }).then(({ rows }) => rows[0])),
    )
    expect(seen?.['cluster_name']).toBe(real?.['cluster_name'])
    return Math.round((Number(seen?.['now']) - Number(real?.['now'])) / 60_000)
  }

  it.each([true, false])(
    'shows a clock that is a day ahead to a statement with prepare: %s',
    async prepare => {
      proxy.offset_ms = DAY_MS
      expect(await minutesAhead(client, prepare)).toBe(24 * 60)
    },
  )

  it('shows a clock that is set back by an hour on an open connection, and counts the reads', async () => {
    const before = proxy.reads
    proxy.offset_ms = -DAY_MS / 24
    expect(await minutesAhead(client, true)).toBe(-60)
    expect(proxy.reads).toBe(before + 1)
  })

  it('does not change write times or the bigints of a table', async () => {
    proxy.offset_ms = DAY_MS
    await client.execute(`INSERT INTO ${table} (id, big) VALUES (1, 7) USING TIMESTAMP 1000`)
    const cql = `SELECT big, writetime(big) AS at FROM ${table} WHERE id = 1`
    const [seen, stored] = await Promise.all(
      [client, ks.client].map(asked => asked.execute(cql).then(({ rows }) => rows.map(row => ({ ...row })))),
    )
    expect(stored).toMatchObject([{ big: { low: 7, high: 0 }, at: { low: 1000, high: 0 } }])
    expect(seen).toEqual(stored)
  })
})
