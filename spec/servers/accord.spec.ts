import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { types } from 'cassandra-driver'
import { afterAll, describe, expect, inject, it } from 'vitest'
import {
  type CassandraWritableOptions,
  type ConsistencyName,
  countRows,
  createCassandraReadable,
  createCassandraWritable,
  createMicroBatchSink,
} from '../../lib/index.ts'
import { Trial } from '../faults/fault.ts'
import { useCheckpoints } from '../integration/checkpointFolder.ts'
import { useKeyspace } from '../integration/keyspace.ts'

const ks = useKeyspace('accord_spec')
const checkpoints = useCheckpoints()

const { one, quorum, all, two, three, localQuorum, localOne, eachQuorum } = types.consistencies
const refused = {
  LOCAL_QUORUM: localQuorum,
  LOCAL_ONE: localOne,
  EACH_QUORUM: eachQuorum,
  TWO: two,
  THREE: three,
}
const taken = { ONE: one, QUORUM: quorum, ALL: all }

/** Created tables, because Cassandra cannot drop a keyspace with transactional tables. */
const created: string[] = []
afterAll(async () => {
  for (const table of created) await ks.client.execute(`DROP TABLE ${table}`)
})

const rows = Array.from({ length: 200 }, (_, id) => ({ id, v: `v${id}` }))

async function write(table: string, from: object[], options: Partial<CassandraWritableOptions> = {}) {
  await pipeline(Readable.from(from), createCassandraWritable({ ...ks.target, table, ...options }))
}

/** Reads at a level that Accord accepts. It refuses LOCAL_ONE, the default. */
async function rowsIn(table: string, columns = 'id, v') {
  const found = await ks.client.execute(`SELECT ${columns} FROM ${ks.name}.${table}`, [], {
    consistency: quorum,
    fetchSize: 5_000,
  })
  return found.rows.map(row => ({ ...row })).sort((a, b) => a['id'] - b['id'])
}

describe.each(['full', 'mixed_reads'])('a table with transactional_mode %s', mode => {
  const create = async () => {
    const table = await ks.table('id int PRIMARY KEY, v text', `transactional_mode = '${mode}'`)
    created.push(`${ks.name}.${table}`)
    return table
  }

  it.each([undefined, ...(Object.keys(refused) as ConsistencyName[])])(
    'is refused at consistency %s when the sink opens, and the error says what to set',
    async consistency => {
      const table = await create()
      const blamed: unknown[] = []
      const writing = write(table, rows, { consistency, on_bad_row: error => void blamed.push(error) })
      await expect(writing).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_CONSISTENCY',
        message: expect.stringMatching(/transactional_mode = '.*set the option `consistency` to QUORUM/),
      })
      expect(blamed).toEqual([])
      expect(await rowsIn(table)).toEqual([])
    },
  )

  it.each(Object.entries(refused))('is also refused at %s by the server', async (_, consistency) => {
    const insert = `INSERT INTO ${ks.name}.${await create()} (id) VALUES (1)`
    await expect(ks.client.execute(insert, [], { consistency })).rejects.toThrow(/unsupported with accord/i)
  })

  it.each(['LOCAL_QUORUM', 'LOCAL_ONE'] as const)(
    'that becomes so in the middle of a load ends it at %s, and every row is stored or reported',
    async consistency => {
      const { localDataCenter } = inject('cassandra')
      // Every load has an `on_bad_row`, which must not be called.
      const stage = { client: ks.client, target: ks.target, localDataCenter, random: () => 0 }
      const trial = await Trial.begin(stage, { consistency })
      created.push(trial.table)
      await trial.goesOn(200)
      await ks.client.execute(`ALTER TABLE ${trial.table} WITH transactional_mode = '${mode}'`)
      const says = /cannot be written at this `consistency`: .*unsupported with accord/i
      const run = await trial.end({ codes: ['ERR_CASSANDRA_CONSISTENCY'], says, readAt: quorum })
      expect(run).toMatchObject({ lost: 0, wrong: 0, problems: [] })
      expect(run.rows).toBeGreaterThan(200)
    },
  )

  it.each(Object.keys(taken) as ConsistencyName[])('accepts rows at consistency %s', async consistency => {
    const table = await create()
    await write(table, rows, { consistency })
    expect(await rowsIn(table)).toEqual(rows)
  })

  it('keeps the write times of rows, and therefore their order', async () => {
    const table = await create()
    const at = (id: number) => 1_700_000_000_000_000 + id
    const timed = rows.map(row => ({ ...row, at: at(row.id) }))
    await write(table, timed, { consistency: 'QUORUM', timestamp_column: 'at' })
    // Older than the stored rows, so they change nothing.
    const older = rows.map(({ id }) => ({ id, v: 'older', at: at(id) - 1 }))
    await write(table, older, { consistency: 'QUORUM', timestamp_column: 'at' })
    const found = await rowsIn(table, 'id, v, writetime(v) AS at')
    expect(found.map(row => ({ ...row, at: Number(row['at']) }))).toEqual(timed)
  })

  it('accepts a time to live per row, and deletes', async () => {
    const table = await create()
    const flagged = [
      ...rows.map(row => ({ ...row, op: '' })),
      ...rows.slice(100).map(({ id }) => ({ id, op: 'x' })),
    ]
    await write(table, flagged, {
      consistency: 'QUORUM',
      ttl: 86_400,
      delete_flag_column: 'op',
      delete_flag_value: 'x',
    })
    const found = await rowsIn(table, 'id, v, ttl(v) AS left')
    expect(found.map(({ id }) => id)).toEqual(rows.slice(0, 100).map(({ id }) => id))
    for (const { left } of found) expect(left).toBeGreaterThan(80_000)
  })

  it('accepts epochs', async () => {
    const options = { ...ks.target, table: await create(), checkpoint_location: checkpoints.location() }
    await pipeline(Readable.from(rows), createMicroBatchSink({ ...options, consistency: 'QUORUM' }))
    expect(await rowsIn(options.table)).toEqual(rows)
    const local = createMicroBatchSink({ ...options, checkpoint_location: checkpoints.location() })
    await expect(local.open()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CONSISTENCY' })
  })
})

describe('a reader of a table with transactional_mode full', () => {
  it('ends at its default level with an error that says what to set, and reads at that level', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text', "transactional_mode = 'full'")
    created.push(table)
    await write(table, rows, { consistency: 'QUORUM' })
    const read = (more = {}) => createCassandraReadable({ ...ks.target, table, ...more }).toArray()
    const refused = {
      code: 'ERR_CASSANDRA_CONSISTENCY',
      message: expect.stringContaining('set the option `consistency` to QUORUM (or ONE, ALL)'),
    }
    await expect(read()).rejects.toMatchObject(refused)
    await expect(countRows({ ...ks.target, table })).rejects.toMatchObject(refused)
    for (const consistency of ['QUORUM', 'ONE', 'ALL']) {
      const found = await read({ consistency })
      expect(found.toSorted((a, b) => a.id - b.id)).toEqual(rows)
    }
    expect((await countRows({ ...ks.target, table, consistency: 'QUORUM' })).rows).toBe(rows.length)
  })

  it('reads at its default level with transactional_mode mixed_reads', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text', "transactional_mode = 'mixed_reads'")
    created.push(table)
    await write(table, rows, { consistency: 'QUORUM' })
    expect(await createCassandraReadable({ ...ks.target, table }).toArray()).toHaveLength(rows.length)
  })
})
