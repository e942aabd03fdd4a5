import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { parametersOf } from '../proxy/frame.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('requests_spec')

/** Flag for values only. The driver's own requests also have a page size and a timestamp. */
const VALUES_ALONE = 0x01

/** Offset of the flags, after the two bytes of the consistency. */
const FLAGS_AT = 2
const VALUES_AT = 3

const row = fc.record(
  {
    p: fc.integer({ min: 0, max: 3 }),
    c: fc.string({ unit: 'binary', maxLength: 60 }),
    at: fc.integer({ min: 1, max: 1e9 }),
    s: fc.option(fc.string()),
    b: fc.option(fc.uint8Array({ maxLength: 3_000 })),
    l: fc.option(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 5 })),
    keep: fc.integer({ min: 1_000, max: 9_000 }),
    op: fc.constantFrom('i', 'd'),
  },
  { requiredKeys: ['p', 'c', 'at', 'op'] },
)

describe('the requests of a sink', () => {
  let proxy: CqlProxy
  let plain: Client
  let writes: Map<string, Buffer>

  beforeAll(async () => {
    proxy = await CqlProxy.start(inject('cassandra'))
    proxy.decide = ({ cql, frame, index }) => {
      writes.set(`${index}: ${cql}`, Buffer.from(parametersOf(frame)))
      return undefined
    }
    plain = new Client({
      contactPoints: [`${proxy.host}:${proxy.port}`],
      localDataCenter: inject('cassandra').localDataCenter,
    })
    await plain.connect()
  })
  afterAll(async () => {
    await plain?.shutdown()
    await proxy?.stop()
  })

  /** The statement and the bytes of each request for these rows. */
  async function sent(client: Client, table: string, rows: readonly object[]): Promise<[string, Buffer][]> {
    writes = new Map()
    const from = proxy.writes
    const sink = createCassandraWritable({
      client,
      keyspace: ks.name,
      table,
      concurrency: 1,
      flush_interval_ms: 60_000,
      ttl_column: 'keep',
      timestamp_column: 'at',
      allow_any_timestamp: true,
      delete_flag_column: 'op',
      delete_flag_value: 'd',
    })
    await pipeline(Readable.from(rows), sink)
    return [...writes].map(([name, bytes]) => [name.replace(/^\d+/, i => String(Number(i) - from)), bytes])
  }

  it('are sent by the driver, which routes them by their keys, even if it does not know the ring', async () => {
    const table = await ks.table('p int, q text, c int, PRIMARY KEY ((p, q), c)')
    const { host, port, localDataCenter } = inject('cassandra')
    const client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter,
      isMetadataSyncEnabled: false,
    })
    try {
      const sink = createCassandraWritable({ client, keyspace: ks.name, table })
      const rows = Array.from({ length: 100 }, (_, c) => ({ p: c % 7, q: `q${c % 2}`, c }))
      await pipeline(Readable.from(rows), sink)
      const stored = await ks.select(`SELECT p, q, c FROM ${ks.name}.${table}`)
      const found = stored.map(({ p, q, c }) => ({ p, q, c: Number(c) }))
      expect(found.sort((a, b) => a.c - b.c)).toEqual(rows)
    } finally {
      await client.shutdown()
    }
  })

  it('have the same bytes for values as the requests that the driver makes', async () => {
    const table = await ks.table('p int, c text, s text static, b blob, l list<int>, PRIMARY KEY (p, c)')
    const watched = Object.create(plain, { execute: { value: plain.execute.bind(plain) } }) as Client
    const rows = fc.array(row, { minLength: 1, maxLength: 120 })
    let requests = 0
    await fc.assert(
      fc.asyncProperty(rows, async rows => {
        const ours = await sent(plain, table, rows)
        const theirs = await sent(watched, table, rows)
        expect(ours.map(([name]) => name)).toEqual(theirs.map(([name]) => name))
        for (const [i, [, parameters]] of ours.entries()) {
          const driver = theirs[i]?.[1] as Buffer
          expect(parameters[FLAGS_AT]).toBe(VALUES_ALONE)
          expect((driver[FLAGS_AT] as number) & VALUES_ALONE).toBe(VALUES_ALONE)
          expect(driver[FLAGS_AT]).not.toBe(VALUES_ALONE)
          expect(driver.subarray(0, FLAGS_AT)).toEqual(parameters.subarray(0, FLAGS_AT))
          const values = parameters.subarray(VALUES_AT)
          expect(driver.subarray(VALUES_AT, VALUES_AT + values.length).equals(values)).toBe(true)
          requests++
        }
      }),
      { numRuns: 40 },
    )
    expect(requests).toBeGreaterThanOrEqual(40)
  })

  it('are refused for a client whose protocol version has no unset values', async () => {
    const table = await ks.table('id int PRIMARY KEY, a int, b int')
    const old = new Client({
      contactPoints: [`${inject('cassandra').host}:${inject('cassandra').port}`],
      localDataCenter: inject('cassandra').localDataCenter,
      protocolOptions: { maxVersion: 3 },
    })
    expect(() => createCassandraWritable({ client: old, keyspace: ks.name, table })).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_OPTION', option: 'client' }),
    )
    await old.shutdown()
  })

  it('go through a function that replaces execute() while the sink is open', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const sink = createCassandraWritable({ client: plain, keyspace: ks.name, table, flush_interval_ms: 1 })
    writes = new Map()
    sink.write({ id: 1, v: 'before' })
    while (sink.stats.rows_written === 0) await new Promise(resolve => setImmediate(resolve))
    const seen: unknown[] = []
    const execute = plain.execute.bind(plain) as (...query: unknown[]) => unknown
    plain.execute = ((cql: string, binds: unknown[], ...rest: unknown[]) => {
      seen.push(...binds)
      return execute(cql, binds, ...rest)
    }) as Client['execute']
    sink.end({ id: 2, v: 'after' })
    await finished(sink)
    Reflect.deleteProperty(plain, 'execute')
    expect(seen).toContainEqual(Buffer.from('after'))
    expect(await ks.select(`SELECT v FROM ${ks.name}.${table} WHERE id = 2`)).toEqual([{ v: 'after' }])
  })
})
