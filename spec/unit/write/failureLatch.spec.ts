import { describe, expect, it } from 'vitest'
import { RowError, WriteError } from '../../../lib/index.ts'
import { FailureLatch } from '../../../lib/write/failureLatch.ts'
import { settled } from '../../stream/support.ts'

const counts = { rows_accepted: 3, rows_written: 1, rows_deleted: 0, rows_set_aside: 0, rows_failed: 2 }
const rowError = (row_index: number) =>
  new RowError('ERR_CASSANDRA_ROW_REFUSED', `Row ${row_index}`, { row_index })

/** A latch, its reports, and a function that settles the requests in flight. */
function scene() {
  const told: Error[] = []
  let stops = 0
  let land: () => void = () => {}
  const settling = new Promise<void>(resolve => {
    land = resolve
  })
  const latch = new FailureLatch(
    () => {
      stops++
      return settling.then(() => ({ counts, unacknowledged: [{ from: 1, to: 2 }] }))
    },
    error => told.push(error),
  )
  return { latch, told, land, stops: () => stops }
}

describe('a failure', () => {
  it('stops at once, and is reported with the counts when nothing is in flight any more', async () => {
    const { latch, told, land, stops } = scene()
    expect(latch.isClosed).toBe(false)
    const error = new WriteError('ERR_CASSANDRA_WRITE', 'no')
    latch.fail(error)
    expect(latch.isClosed).toBe(true)
    expect(stops()).toBe(1)
    const waiting = latch.rejection()
    waiting.catch(() => {})
    await settled()
    expect(told).toEqual([])
    land()
    await expect(waiting).rejects.toBe(error)
    expect(told).toEqual([error])
    expect(error.counts).toEqual(counts)
  })

  it('is reported once; of several refused rows it is the first row, whatever came first', async () => {
    const { latch, told, land, stops } = scene()
    const first = rowError(3)
    for (const error of [rowError(7), first, rowError(5), new Error('later')]) latch.fail(error)
    land()
    await expect(latch.rejection()).rejects.toBe(first)
    expect(told).toEqual([first])
    expect(stops()).toBe(1)
  })

  it('of another class becomes an error of this package', async () => {
    const { latch, land } = scene()
    latch.fail(new TypeError('a bug'))
    land()
    await expect(latch.rejection()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_WRITE' })
  })
})

describe('a stream that was closed by the caller', () => {
  it('reports nothing, and refuses later calls', async () => {
    const { latch, told, stops } = scene()
    const reason = new WriteError('ERR_CASSANDRA_WRITE', 'destroyed')
    latch.leave(reason)
    await expect(latch.rejection()).rejects.toBe(reason)
    expect(told).toEqual([])
    expect(stops()).toBe(0)
  })

  it('keeps the failure that it had', async () => {
    const { latch, land } = scene()
    const error = rowError(1)
    latch.fail(error)
    latch.leave(new WriteError('ERR_CASSANDRA_WRITE', 'destroyed'))
    land()
    await expect(latch.rejection()).rejects.toBe(error)
  })
})
