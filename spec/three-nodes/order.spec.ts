import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Client, types } from 'cassandra-driver'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { TIMEOUT_MS, useThreeNodes } from './cluster.ts'

const KEYS = 4_000
const ROWS = 3 * KEYS

describe('three nodes that each hold every row', () => {
  const three = useThreeNodes()
  beforeAll(async () => {
    const replication = `{'class': 'SimpleStrategy', 'replication_factor': 3}`
    await three.client.execute(`CREATE KEYSPACE three WITH replication = ${replication}`)
    await three.client.execute('CREATE TABLE three.t (p int, c int, v int, l list<int>, PRIMARY KEY (p, c))')
  }, TIMEOUT_MS)

  it(
    'have the last row of every key when one is killed during the load',
    async () => {
      const { cassandra, client } = three
      let killed: Promise<void> | undefined
      function* rows() {
        for (let i = 0; i < ROWS; i++) {
          if (i === ROWS / 3) killed = cassandra.kill(3)
          yield rowOf(i)
        }
      }
      const sink = createCassandraWritable({
        host: cassandra.contactPoints.map(point => point.split(':')[0] ?? ''),
        port: cassandra.port,
        keyspace: 'three',
        table: 't',
        consistency: 'QUORUM',
        request_timeout_ms: 5_000,
      })
      await pipeline(Readable.from(rows()), sink)
      await killed
      expect(sink.stats).toMatchObject({ rows_accepted: ROWS, rows_written: ROWS, rows_failed: 0 })

      // Any two nodes know the last row of a key, also with the one that missed most of them. Until it is back, servers wait for it.
      await cassandra.start(3)
      const found = await vi.waitFor(() => tableOf(client), { timeout: 120_000, interval: 500 })
      expect(found.size).toBe(KEYS)
      for (let i = ROWS - KEYS; i < ROWS; i++) {
        const { p, c, ...last } = rowOf(i)
        if (JSON.stringify(found.get(`${p} ${c}`)) !== JSON.stringify({ p, c, ...last })) {
          expect(found.get(`${p} ${c}`)).toEqual({ p, c, ...last })
        }
      }
    },
    TIMEOUT_MS,
  )
})

/** The rows by key, read from two of the nodes. */
async function tableOf(client: Client): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>()
  // Small pages, because two nodes on two cores may exceed the server's time limit with a large one.
  const options = { consistency: types.consistencies.quorum, prepare: true, fetchSize: 100 }
  for await (const { p, c, v, l } of await client.execute('SELECT p, c, v, l FROM three.t', [], options)) {
    found.set(`${p} ${c}`, { p, c, v, l })
  }
  return found
}

/** Every key comes three times. One row in ten has a list, which would double if the row were sent twice unchanged. */
function rowOf(i: number) {
  const key = i % KEYS
  return { p: key % 500, c: Math.floor(key / 500), v: i, l: key % 10 === 0 ? [i, i + 1] : null }
}
