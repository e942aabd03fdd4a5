import { describe, expect, it } from 'vitest'
import type { Seal } from '../../../lib/checkpoint/epoch.ts'
import { EpochCutter } from '../../../lib/epoch/epochCutter.ts'
import { EpochRows } from '../../../lib/epoch/epochRows.ts'
import type { EpochWriter } from '../../../lib/epoch/epochWriter.ts'
import { epochSettingsOf } from '../../../lib/options/settings.ts'
import type { EncodedRow } from '../../../lib/row/encodedRow.ts'
import { Progress } from '../../../lib/write/progress.ts'
import { settled } from '../../stream/support.ts'
import { encodeAll } from '../batch/rows.ts'
import { sealOf } from '../checkpoint/epochs.ts'

const least = { host: 'h', keyspace: 'ks', table: 't', checkpoint_location: 'c' }

/** A cutter with epochs of 4 rows and flushes of 2, and the epochs that it passed on for writing. */
function scene(begun: readonly Seal[] = []) {
  const written: {
    readonly rows: number
    readonly position: unknown
    readonly seal: () => void
    readonly send: () => void
    readonly record: () => void
    readonly commit: () => void
    readonly fail: (error: Error) => void
  }[] = []
  const writer: Pick<EpochWriter, 'committed' | 'begun' | 'newEpoch' | 'fits' | 'collect'> = {
    committed: null,
    begun,
    newEpoch: () => new EpochRows(false, 0),
    fits: () => true,
    collect: (epoch, row, position) => {
      if (row instanceof Error) return settled().then(() => epoch.addSetAside(undefined, position))
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
  const cutter = new EpochCutter(
    writer as EpochWriter,
    settings,
    progress,
    (_, epoch, { sealed, sent, committing }) => {
      const { position } = epoch
      const rows = epoch.count
      return new Promise((commit, fail) =>
        written.push({
          rows,
          position,
          seal: () => sealed?.(),
          send: () => sent?.(),
          record: () => committing?.(),
          commit,
          fail,
        }),
      )
    },
  )
  const add = (from: number, to: number) =>
    encodeAll(Array.from({ length: to - from }, (_, i) => ({ p: 1, c: from + i }))).map(row => ({
      wait: cutter.add(row, undefined),
    }))
  const waits = add(0, 4)
  const over: number[] = []
  for (const [i, { wait }] of waits.entries()) void wait?.then(() => over.push(i))
  return { cutter, written, waits, over, add }
}

describe('rows that are collected', () => {
  it('pause after each flush, so that answers for the previous epoch are processed', async () => {
    const { cutter, waits, over } = scene()
    expect(waits.map(({ wait }) => wait !== undefined)).toEqual([false, true, false, true])
    await settled()
    expect(over).toContain(1)
    cutter.stop()
  })

  it('wait at the end of an epoch until its first rows may be sent', async () => {
    const { cutter, written, over } = scene()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4])
    expect(over).not.toContain(3)
    written[0]?.seal()
    await settled()
    expect(over).toContain(3)
    cutter.stop()
  })

  it('stop waiting if its rows will never be sent', async () => {
    const { cutter, written, over } = scene()
    await settled()
    written[0]?.fail(new Error('no disk'))
    await settled()
    expect(over).toContain(3)
    cutter.stop()
  })
})

describe('an epoch', () => {
  it.each(['record', 'commit'] as const)(
    'begins when it is full, and the %s of the one before the previous one has come',
    async end => {
      const { cutter, written, add } = scene()
      await settled()
      written[0]?.seal()
      await settled()
      add(4, 8)
      await settled()
      expect(written.map(({ rows }) => rows)).toEqual([4, 4])
      written[0]?.send()
      written[1]?.seal()
      await settled()
      add(8, 12)
      await settled()
      expect(written.length).toBe(2)
      written[0]?.[end]()
      await settled()
      expect(written.map(({ rows }) => rows)).toEqual([4, 4, 4])
      cutter.stop()
    },
  )

  it('that is not full begins when all rows of the previous one have been sent, with the rows until then', async () => {
    const { cutter, written, add } = scene()
    await settled()
    written[0]?.seal()
    await settled()
    add(4, 5)
    cutter.cut()
    await settled()
    add(5, 7)
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4])
    written[0]?.send()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4, 3])
    cutter.stop()
  })

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'has the bad row that comes %i turns before it begins, or the next one has it',
    async turns => {
      const { cutter, written, add } = scene()
      await settled()
      written[0]?.seal()
      await settled()
      add(4, 5)
      cutter.cut()
      written[0]?.send()
      for (let i = 0; i < turns; i++) await null
      const added = cutter.add(new Error('bad'), undefined)
      await settled()
      await added
      written[1]?.seal()
      written[1]?.send()
      written[0]?.commit()
      void cutter.finish()
      await settled()
      await settled()
      expect(written.map(({ rows }) => rows).reduce((sum, rows) => sum + rows)).toBe(6)
      cutter.stop()
    },
  )

  it('does not begin after a failed one', async () => {
    const { cutter, written, add } = scene()
    await settled()
    written[0]?.seal()
    await settled()
    const last = add(4, 8).at(-1)?.wait
    written[0]?.fail(new Error('no disk'))
    await expect(last).rejects.toThrow('no disk')
    expect(written.length).toBe(1)
    cutter.stop()
  })

  it('that is a replay begins when the previous one is committed', async () => {
    const { cutter, written, add } = scene([sealOf(0, { rows: 4 }), sealOf(1, { rows: 2 })])
    await settled()
    written[0]?.seal()
    written[0]?.send()
    await settled()
    add(4, 6)
    await settled()
    expect(written.length).toBe(1)
    written[0]?.commit()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4, 2])
    cutter.stop()
  })

  it('that is a replay without rows comes before the following rows, which wait for it', async () => {
    const { cutter, written, add } = scene([sealOf(0, { rows: 4 }), sealOf(1, { rows: 0 })])
    await settled()
    const waits = add(4, 8)
    written[0]?.seal()
    written[0]?.send()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4])
    written[0]?.commit()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4, 0])
    written[1]?.seal()
    written[1]?.send()
    await Promise.all(waits.slice(0, -1).map(({ wait }) => wait))
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4, 0, 4])
    cutter.stop()
  })

  it('without rows at the start of a replay does not get the first row', async () => {
    const { cutter, written } = scene([sealOf(0, { rows: 0 })])
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([0])
    written[0]?.seal()
    written[0]?.send()
    written[0]?.commit()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([0, 4])
    cutter.stop()
  })

  it('has the position that its source reached without rows', async () => {
    const { cutter, written } = scene()
    await settled()
    cutter.pass('far')
    written[0]?.seal()
    written[0]?.send()
    written[0]?.commit()
    void cutter.finish()
    await settled()
    expect(written.map(({ rows, position }) => [rows, position])).toEqual([
      [4, undefined],
      [0, 'far'],
    ])
    cutter.stop()
  })

  it('ends at once if its bytes are needed, unless it is a replay', async () => {
    const { cutter, written, add } = scene()
    await settled()
    written[0]?.send()
    add(4, 5)
    expect(cutter.collected.bytes).toBeGreaterThan(0)
    cutter.cut()
    await settled()
    expect(written.map(({ rows }) => rows)).toEqual([4, 1])
    cutter.stop()
    const replay = scene([sealOf(0, { rows: 9 })])
    expect(replay.cutter.isReplaying).toBe(true)
    replay.cutter.cut()
    await settled()
    expect(replay.written).toEqual([])
    replay.cutter.stop()
  })
})
