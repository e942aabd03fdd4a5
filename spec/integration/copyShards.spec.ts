import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type CassandraReadable,
  countRows,
  createCassandraReadable,
  createCassandraWritable,
  createMicroBatchSink,
  type MicroBatchSinkOptions,
} from '../../lib/index.ts'
import { createTables, rowsOf } from '../copy/tables.ts'
import { useKeyspace } from './keyspace.ts'
import { type Place, TableCheckpoints } from './tableCheckpoints.ts'

const ks = useKeyspace('copy_shards_spec')
const checkpoints = new TableCheckpoints(ks)
const SHARDS = 3
const ROWS = 6_000

beforeAll(async () => {
  await createTables(ks.client, ks.name, ['source', 'at_once', 'in_turn'])
  await pipeline(Readable.from(rowsOf(ROWS)), createCassandraWritable({ ...ks.target, table: 'source' }))
}, 120_000)

/** What one program of the example in docs/copies.md does. Resolves with the error that it ends with. */
async function copyShard(
  index: number,
  table: string,
  checkpoint_location: Place,
  more: Partial<MicroBatchSinkOptions> = {},
  onCommit = () => {},
): Promise<unknown> {
  let source: CassandraReadable
  const sink = createMicroBatchSink({
    ...ks.target,
    table,
    checkpoint_location,
    take_over: true,
    rows_per_epoch: 100,
    ...more,
    position: row => source.positionOf(row),
  })
  sink.on('commit', onCommit)
  try {
    const commit = await sink.open()
    source = createCassandraReadable({
      ...ks.target,
      table: 'source',
      consistency: 'LOCAL_QUORUM',
      shard: `${index}/${SHARDS}`,
      after: commit?.position ?? null,
    })
    await pipeline(source, sink)
    return undefined
  } catch (error) {
    return error
  }
}

/** The whole table. */
const rowsIn = async (table: string) => {
  const rows = await ks.select(`SELECT JSON * FROM ${ks.name}.${table}`)
  return rows.map(row => row['[json]']).sort()
}

const shards = Array.from({ length: SHARDS }, (_, index) => index)

async function expectCopy(table: string): Promise<void> {
  expect(await rowsIn(table)).toEqual(await rowsIn('source'))
  const counted = await Promise.all(
    shards.map(index => countRows({ ...ks.target, table, shard: `${index}/${SHARDS}` })),
  )
  const { rows } = await countRows({ ...ks.target, table: 'source' })
  expect(counted.reduce((sum, each) => sum + each.rows, 0)).toBe(rows)
}

const fenced = { code: 'ERR_CASSANDRA_FENCED' }

describe('a table that is copied by several shards, each of which has two owners', {
  timeout: 120_000,
}, () => {
  it('equals its copy if both start at once, and at least one of them ends without an error', async () => {
    const ends = await Promise.all(
      shards.flatMap(index => {
        const place = checkpoints.place()
        return [copyShard(index, 'at_once', place), copyShard(index, 'at_once', place)]
      }),
    )
    for (const index of shards) {
      const errors = ends.slice(2 * index, 2 * index + 2).filter(error => error !== undefined)
      expect(errors.length).toBeLessThan(2)
      for (const error of errors) expect(error).toMatchObject(fenced)
    }
    await expectCopy('at_once')
  })

  it('equals its copy if the second starts in the middle of the first, which is then fenced', async () => {
    const ends = await Promise.all(
      shards.map(async index => {
        const place = checkpoints.place()
        let second: Promise<unknown> | undefined
        // So slow that it has not ended when the second has opened the checkpoint.
        const slow = { max_rows_per_second: 50 }
        const first = await copyShard(index, 'in_turn', place, slow, () => {
          second ??= copyShard(index, 'in_turn', place)
        })
        return [first, await second]
      }),
    )
    for (const [first, second] of ends) {
      expect(first).toMatchObject(fenced)
      expect(second).toBeUndefined()
    }
    await expectCopy('in_turn')
  })
})
