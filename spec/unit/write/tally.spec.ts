import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byteLengthOf, type EncodedRow } from '../../../lib/row/encodedRow.ts'
import { Tally } from '../../../lib/write/tally.ts'
import { encodeAll } from '../batch/rows.ts'

const [insert] = encodeAll([{ p: 1, c: 1, v: 'x' }]) as [EncodedRow]
const [deletion] = encodeAll([{ p: 1, c: 1, op: 'delete' }]) as [EncodedRow]

function sumOf({ stats }: Tally): number {
  const { rows_written, rows_deleted, rows_failed, rows_buffered, rows_in_flight } = stats
  return rows_written + rows_deleted + rows_failed + rows_buffered + rows_in_flight
}

describe('a tally', () => {
  it('counts rows by the counter of their operation', () => {
    const tally = new Tally()
    for (let i = 0; i < 3; i++) tally.rowAccepted()
    tally.groupLeft(3)
    tally.rowsAcknowledged([insert, insert])
    tally.rowsAcknowledged([deletion])
    expect(tally.stats).toMatchObject({
      rows_accepted: 3,
      rows_written: 2,
      rows_deleted: 1,
      rows_in_flight: 0,
      bytes_written: 2 * byteLengthOf(insert) + byteLengthOf(deletion),
    })
    expect(tally.acknowledged).toBe(3)
  })

  it('has the clock skew of the last measurement', () => {
    const tally = new Tally()
    expect(tally.stats.clock_skew_ms).toBe(0)
    tally.clockRead(-7)
    expect({ ...tally.stats }).toMatchObject({ clock_skew_ms: -7 })
  })

  it('adds up at any time, and after its end counts rows without acknowledgement as failed', () => {
    const act = fc.constantFrom('accept', 'drop', 'leave', 'acknowledge', 'refuse', 'close')
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), acts => {
        const tally = new Tally()
        let isClosed = false
        for (const each of acts) {
          const { rows_buffered, rows_in_flight } = tally.stats
          const before = tally.counts
          if (each === 'accept' && !isClosed) tally.rowAccepted()
          if (each === 'drop' && rows_buffered > 0) tally.rowsDropped(1)
          if (each === 'leave' && rows_buffered > 0) tally.groupLeft(1)
          if (each === 'acknowledge' && (rows_in_flight > 0 || isClosed)) tally.rowsAcknowledged([insert])
          if (each === 'refuse' && (rows_in_flight > 0 || isClosed)) tally.rowRefused()
          if (each === 'close') tally.close()
          if (isClosed) expect(tally.counts).toEqual(before)
          isClosed ||= each === 'close'
          expect(sumOf(tally)).toBe(tally.stats.rows_accepted)
        }
        tally.close()
        const { rows_accepted, rows_written, rows_failed } = tally.counts
        expect(rows_failed).toBe(rows_accepted - rows_written)
      }),
    )
  })
})
