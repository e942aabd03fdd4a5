import { describe, expect, it } from 'vitest'
import { EpochCutter } from '../../../lib/epoch/epochCutter.ts'
import { EpochRows } from '../../../lib/epoch/epochRows.ts'
import type { EpochWriter } from '../../../lib/epoch/epochWriter.ts'
import { epochSettingsOf } from '../../../lib/options/settings.ts'
import type { EncodedRow } from '../../../lib/row/encodedRow.ts'
import { Progress } from '../../../lib/write/progress.ts'
import { settled } from '../../stream/support.ts'
import { encodeAll } from '../batch/rows.ts'

const least = { host: 'h', keyspace: 'ks', table: 't', checkpoint_location: 'c' }

/** A cutter of epochs of 4 rows and flushes of 2, and the epochs that it gave to be written. */
function scene() {
  const written: {
    readonly rows: number
    readonly seal: () => void
    readonly fail: (error: Error) => void
  }[] = []
  const writer: Pick<EpochWriter, 'committed' | 'sealed' | 'newEpoch' | 'collect'> = {
    committed: null,
    sealed: undefined,
    newEpoch: () => new EpochRows(false, 0),
    collect: (epoch, row, position) => {
      epoch.add(row as EncodedRow, position)
      return undefined
    },
  }
  const progress = new Progress(
    { keyspace: 'ks', table: 't' },
    () => false,
    () => {},
  )
  const settings = epochSettingsOf({ ...least, rows_per_epoch: 4, rows_per_batch: 2 })
  const cutter = new EpochCutter(writer as EpochWriter, settings, progress, (_, epoch, seal) => {
    return new Promise((_, fail) => written.push({ rows: epoch.rows.length, seal, fail }))
  })
  const rows = encodeAll([0, 1, 2, 3].map(c => ({ p: 1, c })))
  const waits = rows.map(row => ({ wait: cutter.add(row, undefined) }))
  const over: number[] = []
  for (const [i, { wait }] of waits.entries()) void wait?.then(() => over.push(i))
  return { cutter, written, waits, over }
}

describe('rows that are collected', () => {
  it('pause after each flush, so that answers for the epoch before are taken', async () => {
    const { cutter, waits, over } = scene()
    expect(waits.map(({ wait }) => wait !== undefined)).toEqual([false, true, false, true])
    await settled()
    expect(over).toContain(1)
    cutter.stop()
  })

  it('wait at the end of an epoch until its first rows may leave', async () => {
    const { cutter, written, over } = scene()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4])
    expect(over).not.toContain(3)
    written[0]?.seal()
    await settled()
    expect(over).toContain(3)
    cutter.stop()
  })

  it('wait no longer when they never will', async () => {
    const { cutter, written, over } = scene()
    await settled()
    written[0]?.fail(new Error('no disk'))
    await settled()
    expect(over).toContain(3)
    cutter.stop()
  })
})
