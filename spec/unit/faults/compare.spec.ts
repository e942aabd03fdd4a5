import type { Client } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { type CassandraWritable, WriteError } from '../../../lib/index.ts'
import { compare, rowOf } from '../../faults/load.ts'

/** Rows of one load: those from 200 on update the odd ones below it. */
const GIVEN = 400

/** A table that holds these rows, each with its own id unless told. */
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
  it('finds nothing when each row is there in its last version', async () => {
    expect(await compared(tableOf(all))).toEqual({ rows: GIVEN, lost: 0, wrong: 0, reported: 0 })
  })

  it('finds a row that is not there', async () => {
    const table = tableOf(all)
    table.delete(rowOf(20).id)
    expect(await compared(table)).toMatchObject({ lost: 1, wrong: 0 })
  })

  it('finds a row of which an older version has won', async () => {
    expect(await compared(tableOf([...all, 1]))).toMatchObject({ lost: 0, wrong: 1 })
  })

  it('finds a row that nobody gave', async () => {
    expect(await compared(tableOf([...all, GIVEN]))).toMatchObject({ wrong: 1 })
    expect(await compared(tableOf(all).set(1_001, 1_001))).toMatchObject({ wrong: 1 })
  })

  it('finds a row that is neither written nor reported, and one that is both', async () => {
    expect(await compared(tableOf(all), { written: GIVEN - 1 })).toMatchObject({ lost: 1, wrong: 0 })
    const unacknowledged = [{ from: 390, to: 399 }]
    expect(await compared(tableOf(all), { written: GIVEN - 9, unacknowledged })).toMatchObject({ wrong: 1 })
  })

  it('takes a reported row for one that may be there or not', async () => {
    const unacknowledged = [{ from: 390, to: 399 }]
    for (const versions of [all, all.slice(0, 395), all.slice(0, 390)]) {
      const found = await compared(tableOf(versions), { written: GIVEN - 10, unacknowledged })
      expect(found).toEqual({ rows: GIVEN, lost: 0, wrong: 0, reported: 10 })
    }
  })

  it('counts no row as reported that the sink did not take, and finds a range beyond what was offered', async () => {
    const said = { written: GIVEN - 10, offered: 420, unacknowledged: [{ from: 390, to: 419 }] }
    expect(await compared(tableOf(all), said)).toMatchObject({ lost: 0, wrong: 0, reported: 10 })
    expect(await compared(tableOf(all), { ...said, offered: 419 })).toMatchObject({ wrong: 1 })
  })

  it('finds a row that was offered and that a sink which ended well did not take', async () => {
    expect(await compared(tableOf(all), { offered: GIVEN + 1 })).toMatchObject({ lost: 1 })
  })
})
