import { describe, expect, it } from 'vitest'
import { allCounts } from '../../../lib/table/statement.ts'
import { type StatementNeeds, StatementShare } from '../../../lib/write/statementShare.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

const fakeClient = new FakeClient().asClient
const needs: StatementNeeds = {
  client: fakeClient,
  keyspace: 'ks',
  table: 't',
  ttl: undefined,
  operations: ['insert'],
  binds: 10,
}

const sharesOf = (tables: number, cluster: object, client = fakeClient, binds = 10) =>
  Array.from(
    { length: tables },
    (_, i) => new StatementShare(cluster, { ...needs, table: `t${i}`, client, binds }),
  )

const withMost = (maxPrepared: number) =>
  Object.assign(new FakeClient(), { options: { maxPrepared } }).asClient

describe('the statements of a sink', () => {
  it('are all useful ones while few sinks share the caches', () => {
    for (const share of sharesOf(10, {}, withMost(20_000))) expect(share.counts).toEqual(allCounts)
  })

  it.each([20, 80, 200, 1_000])(
    'fit into the cache of a server and the list of a driver together with those of %i tables',
    tables => {
      for (const most of [500, 20_000]) {
        const [share] = sharesOf(tables, {}, withMost(most))
        const counts = share?.counts ?? []
        const rows = counts.reduce((sum, count) => sum + count, 0)
        // Measured size of a statement in Cassandra 5.0: 106 statements of 50 rows with 9 markers fill 10 MiB.
        const bytes = tables * (counts.length * 2_400 + rows * 2_200)
        if (tables < 1_000) expect(bytes).toBeLessThan(10 * 1024 * 1024)
        if (tables < 500) expect(tables * counts.length).toBeLessThanOrEqual(most)
        expect(counts.at(-1)).toBe(1)
      }
    },
  )

  it('of 200 tables still have several rows', () => {
    const [share] = sharesOf(200, {}, withMost(20_000))
    expect(share?.counts[0]).toBeGreaterThanOrEqual(10)
  })

  it('become more when other sinks end, and do not depend on sinks of another cluster', () => {
    const cluster = {}
    const [first, ...others] = sharesOf(200, cluster, withMost(20_000))
    sharesOf(1, {})
    expect(first?.counts.length).toBeLessThan(allCounts.length)
    for (const other of others) other.release()
    expect(first?.counts).toEqual(allCounts)
  })

  it('of many sinks of one table are those of one sink', () => {
    const cluster = {}
    const both: StatementNeeds = { ...needs, client: withMost(500), operations: ['insert', 'delete'] }
    const shares = Array.from({ length: 100 }, () => new StatementShare(cluster, both))
    expect(shares[0]?.counts).toEqual(allCounts)
    const [other] = sharesOf(20, cluster)
    for (const share of shares) share.release()
    for (const share of shares) share.release()
    expect(other?.counts).toEqual(sharesOf(20, {})[0]?.counts)
  })

  it('of one table count once per operation, however many sinks ask for the same number of operations', () => {
    const cluster = {}
    const sharesWith = (operations: StatementNeeds['operations'], tables: number) =>
      Array.from(
        { length: tables },
        (_, i) =>
          new StatementShare(cluster, { ...needs, client: withMost(20_000), table: `t${i}`, operations }),
      )
    const [first] = sharesWith(['insert', 'delete'], 10)
    const alone = first?.counts
    sharesWith(['insert', 'delete'], 10)
    expect(first?.counts).toEqual(alone)
    sharesWith(['update', 'append'], 10)
    expect(first?.counts.length).toBeLessThan(alone?.length as number)
    const like = sharesOf(40, {}, withMost(20_000))
    expect(first?.counts).toEqual(like[0]?.counts)
  })

  it('of tables whose names contain commas are told apart', () => {
    const cluster = {}
    const parts = Array<string>(41).fill('a')
    const shares = Array.from({ length: 40 }, (_, i) => {
      const [keyspace, table] = [parts.slice(0, i + 1).join(), parts.slice(i + 1).join()]
      return new StatementShare(cluster, { ...needs, client: withMost(20_000), keyspace, table })
    })
    expect(shares[0]?.counts).toEqual(sharesOf(40, {}, withMost(20_000))[0]?.counts)
  })

  it('of a wide table are fewer', () => {
    const [narrow] = sharesOf(30, {}, withMost(20_000), 5)
    const [wide] = sharesOf(30, {}, withMost(20_000), 300)
    expect(wide?.counts[0]).toBeLessThan(narrow?.counts[0] as number)
  })
})
