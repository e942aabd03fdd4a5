import type { Client } from 'cassandra-driver'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { RangeReader } from '../../../lib/read/rangeReader.ts'
import { type RawPage, ReusedPage } from '../../../lib/read/rawPage.ts'
import { RingWalk } from '../../../lib/read/ringWalk.ts'
import type { ReadStatement } from '../../../lib/read/statement.ts'
import { rangesBetween, type TokenRange } from '../../../lib/read/tokenRanges.ts'

const [ring] = rangesBetween([]) as [TokenRange]

/** A partition whose deleted rows come before its live ones. */
interface Partition {
  readonly token: bigint
  readonly dead: number
  readonly live: number
}

interface Asked extends TokenRange {
  readonly rows: number
  readonly hasFailed: boolean
}

/** A server that fails to read a page if it passes more deleted rows than `most`. The key of a partition is its token. */
class TombstoneServer {
  readonly asked: Asked[] = []
  readonly #partitions: readonly Partition[]
  readonly #most: number

  constructor(partitions: readonly Partition[], most: number) {
    this.#partitions = partitions.toSorted((a, b) => (a.token < b.token ? -1 : 1))
    this.#most = most
  }

  get client(): Client {
    const newToken = (given: Buffer | string) =>
      String(Buffer.isBuffer(given) ? given.readBigInt64BE() : given)
    const execute = async (
      _: string,
      [start, end]: [bigint, bigint],
      { fetchSize, pageState }: { fetchSize: number; pageState?: Buffer },
    ) => {
      const found = this.#page({ start, end }, fetchSize, pageState)
      this.asked.push({ start, end, rows: fetchSize, hasFailed: found === undefined })
      if (found === undefined) throw Object.assign(new Error('Server failure'), { code: 0x1300 })
      return found
    }
    return { execute, metadata: { newToken } } as unknown as Client
  }

  #page({ start, end }: TokenRange, fetchSize: number, pageState: Buffer | undefined) {
    const from = pageState?.readBigInt64BE()
    if (from !== undefined && (from <= start || from > end)) throw new Error('A page of another range')
    let read = pageState?.readInt32BE(8) ?? 0
    const keys: Buffer[] = []
    let dead = 0
    for (const { token, dead: deadRows, live } of this.#partitions) {
      if (token <= start || token > end || (from !== undefined && token < from)) continue
      if (token !== from) {
        read = 0
        dead += deadRows
        if (dead > this.#most) return undefined
      }
      for (; read < live && keys.length < fetchSize; read++) keys.push(prefixed(token))
      if (keys.length === fetchSize) {
        const next = Buffer.alloc(12)
        next.writeBigInt64BE(token)
        next.writeInt32BE(read, 8)
        return { rows: pageOf(keys), columns: [], rawPageState: next }
      }
    }
    return { rows: pageOf(keys), columns: [] }
  }
}

/** A value with its length before it. */
function prefixed(token: bigint): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeInt32BE(8)
  bytes.writeBigInt64BE(token, 4)
  return bytes
}

/** Its memory has other bytes once it is released. */
function pageOf(keys: readonly Buffer[]): RawPage {
  const bytes = Buffer.concat(keys)
  const page = { bytes, start: 0, length: keys.length, size: bytes.length }
  return new ReusedPage(page, { giveBack: used => void used.fill(0xa5) })
}

function takeTokens(page: RawPage): bigint[] {
  const { bytes, length } = page
  const tokens = Array.from({ length }, (_, row) => bytes.readBigInt64BE(12 * row + 4))
  if (length > 0) page.release?.(12 * (length - 1), 12 * length)
  return tokens
}

function readerOf(server: TombstoneServer): RangeReader {
  const column = { name: 'k', kind: 'partition_key' }
  const statement = {
    table: 'ks.t',
    allColumns: [column],
    extras: [],
    places: 0,
    of: ({ start, end }: TokenRange) => ({ cql: 'SELECT', bounds: [start, end] }),
    layoutOf: () => [column],
    explain: (error: Error) => error,
  } as unknown as ReadStatement
  const settings = readSettingsOf({ host: 'localhost', keyspace: 'ks', table: 't' })
  return new RangeReader(server.client, settings, statement, new AbortController().signal)
}

/** The tokens of the rows of a range, and the widths of the halves in which it was read. */
async function read(server: TombstoneServer, range = ring) {
  const tokens: bigint[] = []
  const widths: bigint[] = []
  for await (const { rows } of readerOf(server).pages(range, undefined, width => void widths.push(width)))
    tokens.push(...takeTokens(rows as RawPage))
  return { tokens, widths }
}

// Retries wait for random times.
beforeEach(() => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0)
  return () => random.mockRestore()
})

/** Partitions at equal distances. */
function evenly(count: number, partition: (i: number) => Omit<Partition, 'token'>): Partition[] {
  return Array.from({ length: count }, (_, i) => ({
    token: ring.start + ((ring.end - ring.start) * BigInt(i + 1)) / BigInt(count),
    ...partition(i),
  }))
}

describe('a range with too many deleted rows', () => {
  it('is read in halves, and tells their width', async () => {
    const server = new TombstoneServer(
      evenly(1_000, i => ({ dead: 1, live: i % 300 === 7 ? 1 : 0 })),
      100,
    )
    const { tokens, widths } = await read(server)
    expect(tokens).toHaveLength(4)
    expect(widths.at(-1)).toBe((ring.end - ring.start + 1n) / 16n)
  })

  it('makes the next parts of the ring narrow, although it is empty', async () => {
    const server = new TombstoneServer(
      evenly(10_000, () => ({ dead: 1, live: 0 })),
      100,
    )
    const reader = readerOf(server)
    const walk = new RingWalk([ring], 1, false)
    for (const part of walk.parts()) {
      let most: bigint | undefined
      for await (const _ of reader.pages(part, undefined, width => {
        most = width
      }));
      walk.learn(part, 0, reader.rows, most)
    }
    const failed = server.asked.filter(({ hasFailed }) => hasFailed).length
    expect(failed / server.asked.length).toBeLessThan(0.7)
    expect(server.asked.length).toBeLessThan(600)
  })

  it('ends the read soon if no part of it can be read', async () => {
    const server = new TombstoneServer(
      evenly(5_000, () => ({ dead: 101, live: 1 })),
      100,
    )
    await expect(read(server)).rejects.toThrow('Server failure')
    expect(server.asked.length).toBeLessThanOrEqual(25)
    expect(new Set(server.asked.map(({ start, end }) => end - start)).size).toBe(11)
  })

  it('ends the read soon if one partition of it cannot be read', async () => {
    const server = new TombstoneServer(
      evenly(5_000, i => ({ dead: i === 4_000 ? 101 : 0, live: 0 })),
      100,
    )
    await expect(read(server)).rejects.toThrow('Server failure')
    expect(server.asked.length).toBeLessThanOrEqual(35)
  })

  it('is read completely if no partition has too many, wherever pages end', async () => {
    const partition = fc.record({
      dead: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 10 })),
      live: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 100 })),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(partition, { minLength: 1, maxLength: 300 }), async partitions => {
        const placed = evenly(partitions.length, i => partitions[i] as (typeof partitions)[number])
        const { tokens } = await read(new TombstoneServer(placed, 10))
        expect(tokens).toEqual(placed.flatMap(({ token, live }) => Array<bigint>(live).fill(token)))
      }),
      { numRuns: 50 },
    )
  })
})
