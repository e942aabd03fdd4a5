import { setImmediate as turn } from 'node:timers/promises'
import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { countSettingsOf } from '../../../lib/options/countSettings.ts'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { TableCounter } from '../../../lib/read/tableCounter.ts'
import { TableReader } from '../../../lib/read/tableReader.ts'
import { rangesBetween, rangesOfShard, type TokenRange } from '../../../lib/read/tokenRanges.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

const COUNT = 64
const CONCURRENCY = 4
const SPLITS = 100

/** As the parser of a connection gives a page to a reader. */
const noRows = { bytes: Buffer.alloc(0), start: 0, length: 0, size: 0 }

/** A client of a table without rows, and the ranges that were read by it. */
function emptyTable() {
  const client = new FakeClient()
  const asked: TokenRange[] = []
  const requests = { inFlight: 0, most: 0 }
  const { execute } = client
  // The reader calls the method of the object that has `_createExecuteRequest`, or the one that replaces it in this client.
  Object.assign(client, {
    async execute(...[cql, params, how]: Parameters<FakeClient['execute']>) {
      if (cql.includes('partitioner'))
        return { rows: [{ partitioner: 'Murmur3Partitioner', cluster_name: 'c', release_version: '5.0.4' }] }
      if (!cql.includes('token(')) return execute.call(client, cql, params, how)
      const [start, end] = params as [Buffer, Buffer]
      asked.push({ start: start.readBigInt64BE(), end: end.readBigInt64BE() })
      requests.most = Math.max(requests.most, ++requests.inFlight)
      await turn()
      requests.inFlight--
      const columns = client.columns.map(({ name, type }) => ({ name, type: { code: codes[type] } }))
      const isOfKeys = cql.startsWith('SELECT "id" FROM')
      return { rows: noRows, columns: isOfKeys ? columns.slice(0, 1) : columns }
    },
  })
  return { client: client.asClient, asked, requests }
}

const codes: Readonly<Record<string, number>> = {
  int: types.dataTypes.int,
  text: types.dataTypes.varchar,
}
const { signal } = new AbortController()
const options = { keyspace: 'ks', table: 't', splits: SPLITS, concurrency: CONCURRENCY }

/** Checks that a shard was read as a whole, and nothing else. */
function expectShard(index: number, asked: readonly TokenRange[]): void {
  const [shard] = rangesOfShard({ index, count: COUNT }, rangesBetween([]))
  const sorted = asked.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  expect(sorted.map(({ start }) => start)).toEqual([
    shard?.start,
    ...sorted.slice(0, -1).map(({ end }) => end),
  ])
  expect(sorted.at(-1)?.end).toBe(shard?.end)
}

describe.each([0, 31, COUNT - 1])(`shard %i of ${COUNT} is cut into as many parts as a whole ring`, index => {
  const shard = `${index}/${COUNT}`

  it('by a count, whose requests go out in parallel', async () => {
    const { client, asked, requests } = emptyTable()
    const counter = await TableCounter.open(countSettingsOf({ ...options, client, shard }), signal)
    expect((await counter.count()).ranges).toHaveLength(SPLITS)
    expect(asked).toHaveLength(SPLITS)
    expect(requests.most).toBe(CONCURRENCY)
    expectShard(index, asked)
  })

  it.each([{}, { after: null }])('by a reader, whose requests go out in parallel, with %j', async more => {
    const { client, asked, requests } = emptyTable()
    const settings = readSettingsOf({ ...options, ...more, client, shard })
    const reader = await TableReader.open(settings, signal, async () => null)
    expect(await reader.next()).toBeUndefined()
    expect(requests.most).toBe(CONCURRENCY)
    expectShard(index, asked)
    const [first] = asked
    const width = (first?.end ?? 0n) - (first?.start ?? 0n)
    const wanted = 2n ** 64n / BigInt(COUNT * SPLITS)
    expect(width - wanted).toBeLessThanOrEqual(1n)
    expect(wanted - width).toBeLessThanOrEqual(1n)
  })
})
