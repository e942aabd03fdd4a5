import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ArrayOrObject, Client, type QueryOptions, type types } from 'cassandra-driver'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { countRows, createCassandraReadable, createCassandraWritable } from '../../lib/index.ts'
import { TIMEOUT_MS, useThreeNodes } from './cluster.ts'

const ROWS = 6_000

const three = useThreeNodes()
const target = () => ({
  host: three.cassandra.contactPoints.map(point => point.split(':')[0] ?? ''),
  port: three.cassandra.port,
  table: 't',
})
const ids = Array.from({ length: ROWS }, (_, id) => id)

beforeAll(async () => {
  for (const factor of [1, 2, 3]) {
    const replication = `{'class': 'SimpleStrategy', 'replication_factor': ${factor}}`
    const keyspace = `read_${factor}`
    await three.client.execute(`CREATE KEYSPACE ${keyspace} WITH replication = ${replication}`)
    await three.client.execute(`CREATE TABLE ${keyspace}.t (id int PRIMARY KEY)`)
    const sink = createCassandraWritable({ ...target(), keyspace, consistency: 'ALL' })
    await pipeline(Readable.from(ids.map(id => ({ id }))), sink)
  }
}, TIMEOUT_MS)

/** Returns the owner of a token: the node with the first token at or above it, from what each node reports. */
async function owners(client: Client): Promise<(token: bigint) => string> {
  const ring: { token: bigint; address: string }[] = []
  for (const host of client.hosts.values()) {
    const { rows } = await client.execute('SELECT tokens FROM system.local', [], { host })
    for (const token of (rows[0]?.['tokens'] ?? []) as string[])
      ring.push({ token: BigInt(token), address: host.address })
  }
  ring.sort((a, b) => (a.token < b.token ? -1 : 1))
  return token => (ring.find(each => each.token >= token) ?? ring[0])?.address ?? ''
}

describe('a table on three nodes', { timeout: TIMEOUT_MS }, () => {
  it('is read range by range from the nodes that hold the ranges', async () => {
    const { contactPoints, localDataCenter, port } = three.cassandra
    const client = new Client({ contactPoints, localDataCenter, protocolOptions: { port } })
    onTestFinished(() => client.shutdown())
    await client.connect()
    const ownerOf = await owners(client)
    const pages: { end: bigint; coordinator: string }[] = []
    // The reader sends its requests with the given client.
    const { execute } = client
    Object.assign(client, {
      async execute(this: Client, ...given: [string, ArrayOrObject, QueryOptions]) {
        const answer: types.ResultSet = await Reflect.apply(execute, this, given)
        const [cql, params] = given
        const end: unknown = Object.values(params ?? []).at(-1)
        if (cql.includes('"read_1"') && Buffer.isBuffer(end))
          pages.push({ end: end.readBigInt64BE(), coordinator: answer.info.queriedHost })
        return answer
      },
    })
    const { rows } = await countRows({ client, keyspace: 'read_1', table: 't' })
    expect(rows).toBe(ROWS)
    expect(pages.length).toBeGreaterThanOrEqual(64)
    const routed = pages.filter(({ end, coordinator }) => coordinator === ownerOf(end))
    expect(routed.length / pages.length).toBeGreaterThan(0.95)
  })

  it.each<['kill' | 'pause', number]>([
    ['kill', 2],
    ['pause', 3],
  ])(
    'is read completely, each row once, when a node is lost in the middle by %s, at a replication factor of %i',
    async (fault, factor) => {
      const { cassandra } = three
      const source = createCassandraReadable({
        ...target(),
        keyspace: `read_${factor}`,
        fetch_size: 50,
        request_timeout_ms: 3_000,
        retry_timeout_ms: 120_000,
      })
      const seen: unknown[] = []
      let lost: Promise<void> | undefined
      onTestFinished(() => (fault === 'kill' ? cassandra.start(3) : cassandra.resume(3)), TIMEOUT_MS)
      for await (const { id } of source) {
        seen.push(id)
        if (seen.length === ROWS / 5) {
          lost = cassandra[fault](3)
          await lost
        }
      }
      expect(lost).toBeDefined()
      expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids)
    },
  )
})
