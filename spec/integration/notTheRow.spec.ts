import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { type GuardedNode, startGuardedNode } from '../faults/guardedNode.ts'
import { guardrailFaults } from '../faults/guardrails.ts'
import { blameless } from '../faults/load.ts'
import { loader, revokedRole } from '../faults/oneNode.ts'

const TIMEOUT_MS = 180_000

let node: GuardedNode
let admin: Client
beforeAll(async () => {
  node = await startGuardedNode()
  const { contactPoints, localDataCenter, username = '', password = '' } = node
  admin = new Client({ contactPoints, localDataCenter, credentials: { username, password } })
  for (const cql of [
    "CREATE KEYSPACE guarded WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    'CREATE TABLE guarded.t (id int PRIMARY KEY, v text, l list<int>)',
    "CREATE ROLE loader WITH PASSWORD = 'loader' AND LOGIN = true",
    'GRANT SELECT ON KEYSPACE guarded TO loader',
    'GRANT MODIFY ON KEYSPACE guarded TO loader',
  ])
    await admin.execute(cql)
}, TIMEOUT_MS)
afterAll(async () => {
  await admin?.shutdown()
  await node?.stop()
}, TIMEOUT_MS)

const hostAndPort = () => {
  const [host = '', port = ''] = node.contactPoints[0]?.split(':') ?? []
  return { host, port: Number(port) }
}
const sinkWith = (more: Partial<CassandraWritableOptions> = {}) =>
  createCassandraWritable({ ...hostAndPort(), ...loader, keyspace: 'guarded', table: 't', ...more })
const failureOf = (rows: Iterable<object>, more: Partial<CassandraWritableOptions> = {}) =>
  pipeline(Readable.from(rows), sinkWith(more)).then(
    () => undefined,
    error => error,
  )

describe('a guardrail on a value', () => {
  it('is the fault of that row only, which can be set aside', async () => {
    const rows = [
      { id: 1, v: 'x' },
      { id: 2, v: 'x'.repeat(5_000) },
      { id: 3, l: [1, 2, 3, 4, 5] },
      { id: 4, v: 'y' },
    ]
    const told: string[] = []
    const sink = sinkWith({ on_bad_row: error => void told.push(`${error.row_index} ${error.code}`) })
    await pipeline(Readable.from(rows), sink)
    expect(told.sort()).toEqual(['1 ERR_CASSANDRA_ROW_REFUSED', '2 ERR_CASSANDRA_ROW_REFUSED'])
    expect(sink.stats).toMatchObject({ rows_written: 2, rows_set_aside: 2 })
    expect(await failureOf(rows)).toMatchObject({
      code: 'ERR_CASSANDRA_ROW_REFUSED',
      row_index: 1,
      message: expect.stringContaining('column_value_size'),
    })
  })
})

describe('a guardrail on a write time that a row names', () => {
  it('is the fault of that row only, which can be set aside', async () => {
    const now = Date.now() * 1_000
    const rows = [
      { id: 11, v: 'x', at: now },
      { id: 12, v: 'x', at: new Date('2099-01-01') },
      { id: 13, v: 'x', at: new Date('2002-01-01') },
      { id: 14, v: 'y', at: now },
    ]
    // Cassandra 5.0 applies these guardrails only to single statements, not to those in a batch.
    const options = { timestamp_column: 'at', batch_by: 'none' } as const
    const told: string[] = []
    const sink = sinkWith({
      ...options,
      on_bad_row: ({ row_index, message }) =>
        void told.push(`${row_index} ${/Guardrail \w+ violated/.exec(message)}`),
    })
    await pipeline(Readable.from(rows), sink)
    expect(told.sort()).toEqual([
      '1 Guardrail maximum_timestamp violated',
      '2 Guardrail minimum_timestamp violated',
    ])
    expect(sink.stats).toMatchObject({ rows_written: 2, rows_set_aside: 2 })
    const found = await admin.execute('SELECT id FROM guarded.t WHERE id IN (11, 12, 13, 14)')
    expect(found.rows.map(({ id }) => id).sort()).toEqual([11, 14])
    expect(await failureOf(rows, options)).toMatchObject({
      code: 'ERR_CASSANDRA_ROW_REFUSED',
      row_index: 1,
    })
  })
})

describe('an error that is not the fault of a row names no row and says what to change', () => {
  it('for a consistency level that the cluster disallows', async () => {
    expect(await failureOf([{ id: 1 }], { consistency: 'ONE', on_bad_row: blameless })).toMatchObject({
      name: 'WriteError',
      code: 'ERR_CASSANDRA_CONSISTENCY',
      message: expect.stringMatching(/`consistency`.*\[ONE\]/),
    })
  })

  it.each(['THREE', 'TWO'] as const)(
    'for a consistency level for which the keyspace has too few replicas: %s',
    async consistency => {
      expect(await failureOf([{ id: 1 }], { consistency, on_bad_row: blameless })).toMatchObject({
        code: 'ERR_CASSANDRA_CONSISTENCY',
        message: expect.stringContaining(consistency),
      })
    },
  )

  // The last one leaves the role without its permission.
  it.each([...guardrailFaults, revokedRole])(
    'for a load under a fault, and every row is stored or reported: $name',
    async ({ run }) => {
      const outcome = await run({
        client: admin,
        target: { ...hostAndPort(), keyspace: 'guarded' },
        localDataCenter: node.localDataCenter,
        setGuardrail: node.setGuardrail,
        // Every load has an `on_bad_row`.
        random: () => 0,
      })
      expect(outcome).toMatchObject({ lost: 0, wrong: 0, problems: [] })
      expect(outcome.rows).toBeGreaterThan(100)
    },
  )
})
