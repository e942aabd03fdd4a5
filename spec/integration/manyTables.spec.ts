import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('many_tables')

/** `MANY_TABLES=200` gives the figure in bench/NOTES.md. */
const TABLES = Number(process.env['MANY_TABLES'] ?? 80)
const ROUNDS = 20

/** Rows of many partitions in pieces of irregular sizes, so that requests of many sizes occur. */
function* rows() {
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < 7 + ((round * 13) % 40); i++) yield { p: i % 5, c: round * 100 + i, v: `row ${i}` }
  }
}

describe(`${TABLES} tables on one client with the driver's defaults`, () => {
  const tables: string[] = []
  let client: Client
  let notPrepared = 0
  beforeAll(async () => {
    for (let i = 0; i < TABLES; i++) {
      tables.push(await ks.table('p int, c int, v text, a text, b text, d text, e int, PRIMARY KEY (p, c)'))
    }
    const { host, port } = ks.target
    client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter: inject('cassandra').localDataCenter,
    })
    client.on('log', (_, __, message) => {
      if (/not prepared on host/.test(String(message))) notPrepared++
    })
    await client.connect()
  }, 600_000)
  afterAll(() => client?.shutdown())

  it('are all written, without floods of "not prepared" answers', {
    timeout: 600_000,
  }, async () => {
    const from = performance.now()
    const sinks = await Promise.all(
      tables.map(async table => {
        const sink = createCassandraWritable({ client, keyspace: ks.name, table, flush_interval_ms: 2 })
        // In pieces, so that all tables are written at the same time.
        const pieces = Readable.from(
          (async function* () {
            let rest = 0
            for (const row of rows()) {
              if (rest-- === 0) {
                await delay(5)
                rest = row.c % 31
              }
              yield row
            }
          })(),
        )
        await pipeline(pieces, sink)
        return sink
      }),
    )
    const seconds = (performance.now() - from) / 1000
    const given = [...rows()].length
    expect(sinks.map(({ stats }) => stats.rows_written)).toEqual(tables.map(() => given))
    console.log(`${TABLES} tables: ${notPrepared} answers "not prepared" in ${seconds.toFixed(1)} s`)
    expect(notPrepared).toBeLessThan(TABLES / 4)
  })
})
