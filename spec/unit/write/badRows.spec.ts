import { describe, expect, it } from 'vitest'
import { RowError } from '../../../lib/errors.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'
import { GivenRow } from '../../../lib/row/givenRow.ts'
import { BadRow } from '../../../lib/write/badRow.ts'
import { BadRows } from '../../../lib/write/badRows.ts'
import { FailureLatch } from '../../../lib/write/failureLatch.ts'
import { Tally } from '../../../lib/write/tally.ts'
import { settled } from '../../stream/support.ts'

function badRowsOf(on_bad_row: () => Promise<void>, max_errors?: number): BadRows {
  const settings = writeSettingsOf({ host: 'h', keyspace: 'ks', table: 't', on_bad_row, max_errors })
  const failure = new FailureLatch(
    () => expect.unreachable('it does not fail'),
    () => {},
  )
  return new BadRows(settings, new Tally(), failure)
}

const bad = (row_index: number) =>
  new BadRow(new RowError('ERR_CASSANDRA_ROW_REFUSED', `row ${row_index}`, { row_index }), new GivenRow({}))

describe('a row that is refused after the end of `on_bad_row`', () => {
  it('does not wait for a handler that hangs', async () => {
    let calls = 0
    const rows = badRowsOf(() => {
      calls++
      return new Promise(() => {})
    })
    void rows.setAside(bad(0), false)
    await settled()
    expect(calls).toBe(1)
    rows.end()
    await expect(rows.setAside(bad(1), false)).rejects.toMatchObject({ row_index: 1 })
  })

  it('ends the stream with the reason that came first', async () => {
    const rows = badRowsOf(async () => {}, 0)
    const first = { code: 'ERR_CASSANDRA_MAX_ERRORS', cause: { row_index: 7 } }
    await expect(rows.setAside(bad(7), false)).rejects.toMatchObject(first)
    await expect(rows.setAside(bad(1), false)).rejects.toMatchObject(first)
  })
})
