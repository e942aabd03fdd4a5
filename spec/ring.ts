import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { expect, onTestFinished } from 'vitest'
import { countRows, createCassandraReadable, createCassandraWritable } from '../lib/index.ts'
import type { Cassandra } from '../lib/testing/index.ts'
import { integerBelow, randomFrom } from './random.ts'
import { keyOf } from './tokens.ts'

export const LOWEST = -(2n ** 63n)
export const HIGHEST = 2n ** 63n - 1n

/** Number of random partitions, in addition to those at the bounds of ranges. */
const RANDOM_PARTITIONS = 2_000

/** Numbers of shards that share the ring. */
const SHARDS = [3, 7]

/** Number of ranges of a count that are compared with the server's count. */
const RANGES_COMPARED = 60

export interface RingTable {
  readonly host: string | readonly string[]
  readonly port: number
  readonly keyspace: string
  readonly table: string
}

/** A row by its primary key. */
const nameOf = (row: { readonly [name: string]: unknown }) =>
  `${(row['k'] as Buffer).toString('hex')} ${row['c']}`

/**
 * Random tokens per node. Ranges have very different sizes, and the one around the end of the ring has two real parts: no token is at
 * an end of the ring.
 *
 * @param counts number of tokens of each node
 */
export function randomTokens(counts: readonly number[], seed: number): bigint[][] {
  const random = randomFrom(seed)
  const used = new Set<bigint>()
  const next = (): bigint => {
    const high = BigInt(integerBelow(2 ** 32, random))
    const token = BigInt.asIntN(64, (high << 32n) | BigInt(integerBelow(2 ** 32, random)))
    if (used.has(token) || token < LOWEST + 2n ** 32n || token > HIGHEST - 2n ** 32n) return next()
    used.add(token)
    return token
  }
  return counts.map(count => Array.from({ length: count }, next))
}

/** Fills a table, reads and counts it in all ways, and returns the tokens of the ring in their order. */
export async function tokensOfWholeRing(cassandra: Cassandra, seed: number): Promise<bigint[]> {
  const { contactPoints, localDataCenter, port } = cassandra
  const protocolOptions = { port, maxSchemaAgreementWaitSeconds: 60 }
  const client = new Client({ contactPoints, localDataCenter, protocolOptions })
  onTestFinished(() => client.shutdown())
  const target = await createRing(client, cassandra)
  await fillRing(client, target, seed)
  await expectWholeRing(client, target, seed)
  return inOrder(await tokensOf(client))
}

export function inOrder(tokens: readonly bigint[]): bigint[] {
  return tokens.toSorted((a, b) => (a < b ? -1 : 1))
}

/** Creates a keyspace with one replica, so that only the right node can answer. */
export async function createRing(client: Client, { contactPoints, port }: Cassandra): Promise<RingTable> {
  const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
  await client.execute(`CREATE KEYSPACE rings WITH replication = ${replication}`)
  const host = contactPoints.map(point => point.split(':')[0] ?? '')
  return { host, port, keyspace: 'rings', table: 'ring' }
}

/** Fills a table with partitions at the ends of the ring, around the tokens of all nodes and the ends of shards, and at random tokens. */
export async function fillRing(client: Client, target: RingTable, seed: number): Promise<void> {
  const random = randomFrom(seed)
  const name = `${target.keyspace}.${target.table}`
  await client.execute(`CREATE TABLE ${name} (k blob, c int, v text, PRIMARY KEY (k, c))`)
  const ends = SHARDS.flatMap(count =>
    Array.from(
      { length: count - 1 },
      (_, i) => LOWEST + ((HIGHEST - LOWEST) * BigInt(i + 1)) / BigInt(count),
    ),
  )
  const around = [...(await tokensOf(client)), ...ends].flatMap(token => [token - 1n, token, token + 1n])
  // The lowest hash becomes the highest token.
  const hashes = [LOWEST, LOWEST + 1n, LOWEST + 2n, -1n, 0n, 1n, HIGHEST - 1n, HIGHEST, ...around]
  const keys = [
    // Two partitions of the same token.
    ...hashes.flatMap(hash => [keyOf(hash), keyOf(hash, 1n)]),
    ...Array.from({ length: RANDOM_PARTITIONS }, () =>
      keyOf(BigInt.asIntN(64, BigInt(integerBelow(2 ** 32, random)) * 0x1_0000_0001n)),
    ),
  ]
  const rows = keys.flatMap(k =>
    Array.from({ length: 1 + integerBelow(3, random) }, (_, c) => ({ k, c, v: 'x' })),
  )
  await pipeline(Readable.from(rows), createCassandraWritable({ ...target, consistency: 'ALL' }))
}

/** Tokens of all nodes, from the server. */
export async function tokensOf(client: Client): Promise<bigint[]> {
  const [host] = client.hosts.values()
  const sources = ['SELECT tokens FROM system.local', 'SELECT tokens FROM system.peers']
  const answers = await Promise.all(sources.map(cql => client.execute(cql, [], host && { host })))
  return answers.flatMap(({ rows }) => rows.flatMap(row => (row['tokens'] as string[]).map(BigInt)))
}

/** Reads and counts the whole ring, and compares with the server. */
export async function expectWholeRing(client: Client, target: RingTable, seed: number): Promise<void> {
  const name = `${target.keyspace}.${target.table}`
  const wanted: string[] = []
  const paged = { prepare: true, fetchSize: 1000, readTimeout: 60_000 }
  for await (const row of await client.execute(`SELECT k, c FROM ${name}`, [], paged))
    wanted.push(nameOf(row))
  const rows = await createCassandraReadable({ ...target, columns: ['k', 'c'], fetch_size: 100 }).toArray()
  expect(rows.map(nameOf).sort()).toEqual(wanted.toSorted())
  await expectPositions(target, wanted, seed)
  for (const count of SHARDS) await expectShards(target, wanted, count)

  const counted = await countRows(target)
  const partitions = new Set(wanted.map(each => each.split(' ')[0]))
  expect({ rows: counted.rows, partitions: counted.partitions }).toEqual({
    rows: wanted.length,
    partitions: partitions.size,
  })
  const { ranges } = counted
  expect(ranges.map(({ start }) => start)).toEqual([LOWEST, ...ranges.slice(0, -1).map(({ end }) => end)])
  expect(ranges.at(-1)?.end).toBe(HIGHEST)
  // No range spans two sets of replicas.
  const ends = new Set(ranges.map(({ end }) => end))
  for (const token of await tokensOf(client)) if (token > LOWEST) expect(ends).toContain(token)
  const random = randomFrom(seed)
  const compared = [
    ...ranges.slice(0, 3),
    ...ranges.slice(-3),
    ...Array.from({ length: RANGES_COMPARED }, () => ranges[integerBelow(ranges.length, random)]),
  ]
  for (const range of compared) {
    const { start, end } = range as (typeof ranges)[number]
    const cql = `SELECT count(*) AS n FROM ${name} WHERE token(k) > ${start} AND token(k) <= ${end}`
    const { rows: told } = await client.execute(cql)
    expect({ start, end, rows: range?.rows }).toEqual({ start, end, rows: Number(told[0]?.['n']) })
  }
}

/** Checks that each row is in one of several shards, and that each shard has its rows in the order of the ring. */
async function expectShards(target: RingTable, wanted: readonly string[], count: number): Promise<void> {
  const shards = Array.from({ length: count }, (_, index) => `${index}/${count}`)
  const read = (more: object) =>
    Promise.all(shards.map(shard => createCassandraReadable({ ...target, shard, ...more }).toArray()))
  const ordered = await read({ after: null })
  expect(ordered.flat().map(nameOf)).toEqual(wanted)
  const inTurns = await read({})
  for (const [i, rows] of inTurns.entries()) {
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.map(nameOf).sort()).toEqual(ordered[i]?.map(nameOf).sort())
  }
  const counted = await Promise.all(shards.map(shard => countRows({ ...target, shard })))
  expect(counted.map(({ rows }) => rows)).toEqual(inTurns.map(({ length }) => length))
}

/** Checks that a reader with positions has the server's order and continues after any row, also within one token. */
async function expectPositions(target: RingTable, wanted: readonly string[], seed: number): Promise<void> {
  const source = createCassandraReadable({ ...target, after: null })
  const rows = await source.toArray()
  expect(rows.map(nameOf)).toEqual(wanted)
  const random = randomFrom(seed)
  const some = Array.from({ length: 4 }, () => integerBelow(rows.length, random))
  for (const at of [0, 1, 2, 3, rows.length - 2, ...some]) {
    const after = source.positionOf(rows[at] as object)
    const rest = await createCassandraReadable({ ...target, after }).toArray()
    expect(rest.map(nameOf), `behind row ${at}`).toEqual(wanted.slice(at + 1))
  }
}
