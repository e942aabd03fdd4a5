import type { Client } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { type CassandraWritable, WriteError } from '../../../lib/index.ts'
import { compare, rowOf } from '../../faults/load.ts'

/** Number of rows of a load. Rows from 200 on update the odd rows below 200. */
const GIVEN = 400

/** A table with these versions by id. */
function tableOf(versions: Iterable<number>): Map<number, number> {
  const table = new Map<number, number>()
  for (const version of versions) table.set(rowOf(version).id, version)
  return table
}

const all = [...Array(GIVEN).keys()]

interface Said {
  readonly written?: number
  readonly offered?: number
  readonly unacknowledged?: { readonly from: number; readonly to: number }[]
}

async function compared(table: ReadonlyMap<number, number>, said: Said = {}) {
  const { written = GIVEN, offered = GIVEN, unacknowledged } = said
  const client = { execute: async () => [...table].map(([id, version]) => ({ id, version })) }
  const stats = { rows_written: written, rows_deleted: 0, rows_set_aside: 0 }
  const error =
    unacknowledged && Object.assign(new WriteError('ERR_CASSANDRA_WRITE', 'over'), { unacknowledged })
  const ended = { offered, given: GIVEN, took_ms: 0, error }
  return await compare(client as unknown as Client, 't', ended, { stats } as CassandraWritable)
}

describe('the comparison of a table with what a sink says', () => {
  it('finds nothing if every row is there in its last version', async () => {
    expect(await compared(tableOf(all))).toEqual({ rows: GIVEN, lost: 0, wrong: 0, reported: 0 })
  })

  it('finds a missing row', async () => {
    const table = tableOf(all)
    table.delete(rowOf(20).id)
    expect(await compared(table)).toMatchObject({ lost: 1, wrong: 0 })
  })

  it('finds a row in an older version', async () => {
    expect(await compared(tableOf([...all, 1]))).toMatchObject({ lost: 0, wrong: 1 })
  })

  it('finds a row that the source never had', async () => {
    expect(await compared(tableOf([...all, GIVEN]))).toMatchObject({ wrong: 1 })
    expect(await compared(tableOf(all).set(1_001, 1_001))).toMatchObject({ wrong: 1 })
  })

  it('finds a row that is neither written nor reported, and a row that is both', async () => {
    expect(await compared(tableOf(all), { written: GIVEN - 1 })).toMatchObject({ lost: 1, wrong: 0 })
    const unacknowledged = [{ from: 390, to: 399 }]
    expect(await compared(tableOf(all), { written: GIVEN - 9, unacknowledged })).toMatchObject({ wrong: 1 })
  })

  it('accepts a reported row whether or not it is there', async () => {
    const unacknowledged = [{ from: 390, to: 399 }]
    for (const versions of [all, all.slice(0, 395), all.slice(0, 390)]) {
      const found = await compared(tableOf(versions), { written: GIVEN - 10, unacknowledged })
      expect(found).toEqual({ rows: GIVEN, lost: 0, wrong: 0, reported: 10 })
    }
  })

  it('counts only reported rows that the sink took, and finds a range beyond the offered rows', async () => {
    const said = { written: GIVEN - 10, offered: 420, unacknowledged: [{ from: 390, to: 419 }] }
    expect(await compared(tableOf(all), said)).toMatchObject({ lost: 0, wrong: 0, reported: 10 })
    expect(await compared(tableOf(all), { ...said, offered: 419 })).toMatchObject({ wrong: 1 })
  })

  it('finds an offered row that the sink did not take, although it finished', async () => {
    expect(await compared(tableOf(all), { offered: GIVEN + 1 })).toMatchObject({ lost: 1 })
  })
})
