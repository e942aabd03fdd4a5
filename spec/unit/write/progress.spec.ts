import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Acknowledged, Progress } from '../../../lib/write/progress.ts'

/** A sink with a number of settled rows that the spec sets, and a count of how often it is asked for that number. */
function scene() {
  const source = {
    rows: 0,
    looks: 0,
    isIdle: false,
    settledRows: () => {
      source.looks++
      return source.rows
    },
  }
  const progress = new Progress(
    { keyspace: 'ks', table: 't' },
    () => false,
    () => {},
  )
  progress.follow(source)
  const settle = (rows: number) => {
    source.rows = rows
    progress.advanced()
  }
  return { source, progress, settle }
}

const many = 200_000

describe('settled()', () => {
  it('resolves for any number of callers, each as soon as its rows are settled', async () => {
    const { progress, settle } = scene()
    const asked = Array.from({ length: many }, () => progress.settled(1))
    let isLater = false
    const later = progress.settled(2).then(() => {
      isLater = true
    })
    settle(1)
    await Promise.all(asked)
    expect(isLater).toBe(false)
    settle(2)
    await later
  })

  it('costs each row the same, however many wait for others', async () => {
    const { source, progress, settle } = scene()
    const asked = Array.from({ length: many }, (_, i) => progress.settled(i + 1))
    // The first call had to look, and all others ask for more rows.
    expect(source.looks).toBe(1)
    let awaited = 0
    for (let row = 0; row < 2 * many; row++) if (progress.isAwaited(row)) awaited++
    expect(awaited).toBe(many)
    for (let rows = 1; rows <= many; rows++) settle(rows)
    await Promise.all(asked)
    expect(progress.isAwaited(0)).toBe(false)
  })

  it('rejects waiting and later calls for rows that are not settled with the error of the sink', async () => {
    const { progress, settle } = scene()
    settle(1)
    const waiting = progress.settled(2)
    const error = new Error('no network')
    progress.end(error)
    progress.end(new Error('closed'))
    await expect(waiting).rejects.toBe(error)
    await expect(progress.settled(2)).rejects.toBe(error)
    await expect(progress.settled(1)).resolves.toBeUndefined()
    expect(progress.isAwaited(1)).toBe(false)
  })

  it('resolves for rows that never come when the sink is complete, even if it is closed then', async () => {
    const { progress, settle } = scene()
    settle(1)
    const waiting = progress.settled(2)
    progress.complete()
    progress.end(new Error('closed'))
    await waiting
    await progress.settled(3)
  })
})

describe('isAwaited()', () => {
  it('is true for the last row of every waiting call, even before the first one is settled', () => {
    const { progress } = scene()
    void progress.settled(2)
    void progress.settled(5)
    expect([0, 1, 2, 3, 4, 5].filter(row => progress.isAwaited(row))).toEqual([1, 4])
  })
})

it('nobody looks for settled rows while nobody listens, waits or gives a position', () => {
  const { source, progress, settle } = scene()
  for (let rows = 1; rows <= 1_000; rows++) {
    progress.passed(rows - 1, undefined)
    progress.flushed()
    source.isIdle = rows % 2 === 0
    settle(rows)
  }
  expect(source.looks).toBe(0)
})

describe('reports without a flush', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    return () => vi.useRealTimers()
  })

  /** An idle sink, whose rows are bad and settle one by one. */
  function idle() {
    const told: number[] = []
    const source = { rows: 0, isIdle: true, settledRows: () => source.rows }
    const progress = new Progress(
      { keyspace: 'ks', table: 't' },
      () => true,
      ({ row_index }) => told.push(row_index),
    )
    progress.follow(source)
    const settle = (rows: number) => {
      for (const last = source.rows + rows; source.rows < last; ) {
        source.rows++
        progress.advanced()
      }
    }
    return { told, source, progress, settle }
  }

  it('come at once, and then once per 10 ms, also for the last row', () => {
    const { told, settle } = idle()
    settle(1_000)
    expect(told).toEqual([0])
    vi.advanceTimersByTime(10)
    expect(told).toEqual([0, 999])
    settle(1)
    expect(told).toEqual([0, 999])
    vi.advanceTimersByTime(1_000)
    expect(told).toEqual([0, 999, 1_000])
    settle(1)
    expect(told).toEqual([0, 999, 1_000, 1_001])
  })

  it('do not put off those of flushes', () => {
    const { told, progress, settle } = idle()
    settle(2)
    progress.flushed()
    settle(1)
    expect(told).toEqual([0, 2])
  })

  it('come before a waiting call of `settled()` resolves, and once for it', async () => {
    const { told, progress, settle } = idle()
    const flushed = progress.settled(500).then(() => told.length)
    settle(600)
    expect(await flushed).toBe(2)
    expect(told).toEqual([0, 499])
  })

  it('come before a call of `settled()` resolves while other rows wait', async () => {
    const { told, source, progress, settle } = idle()
    progress.flushed()
    settle(2)
    source.isIdle = false
    const flushed = progress.settled(4).then(() => told.at(-1))
    settle(2)
    expect(await flushed).toBe(3)
    settle(1)
    const later = progress.settled(5).then(() => told.at(-1))
    expect(await later).toBe(4)
  })

  it('come before a later call of `settled()` resolves', async () => {
    const { told, progress, settle } = idle()
    settle(500)
    const flushed = progress.settled(500)
    expect(told).toEqual([0, 499])
    await flushed
  })

  it('come before the sink is complete', () => {
    const { told, progress, settle } = idle()
    settle(500)
    progress.complete()
    expect(told).toEqual([0, 499])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('are forgotten when the sink ends with an error', () => {
    const { told, progress, settle } = idle()
    settle(500)
    progress.end(new Error('no network'))
    expect(vi.getTimerCount()).toBe(0)
    expect(told).toEqual([0])
  })
})

describe('positions of many rows behind one that is not settled', () => {
  function reports() {
    const told: Acknowledged[] = []
    const source = { rows: 0, isIdle: true, settledRows: () => source.rows }
    const progress = new Progress(
      { keyspace: 'ks', table: 't' },
      () => true,
      one => told.push(one),
    )
    progress.follow(source)
    let passed = 0
    const pass = (rows: number) => {
      for (const end = passed + rows; passed < end; passed++) progress.passed(passed, `of ${passed}`)
    }
    const settle = (rows: number) => {
      source.rows = rows
      progress.flushed()
      progress.advanced()
    }
    return { told, pass, settle }
  }

  it('are few, are each reported with their own row, and include that of the newest row', () => {
    const { told, pass, settle } = reports()
    pass(many)
    for (let rows = 1; rows <= many; rows++) settle(rows)
    expect(told.length).toBeLessThan(10_000)
    expect(told.filter(({ row_index, position }) => position !== `of ${row_index}`)).toEqual([])
    expect(told.at(-1)).toEqual({ row_index: many - 1, position: `of ${many - 1}` })
    const steps = told.slice(1).map(({ row_index }, i) => row_index - (told[i] as Acknowledged).row_index)
    expect(Math.min(...steps)).toBeGreaterThan(0)
    expect(Math.max(...steps)).toBeLessThan(100)
  })

  it('are those of all rows again when they are few', () => {
    const { told, pass, settle } = reports()
    pass(many)
    settle(many)
    pass(1_000)
    for (let rows = many + 1; rows <= many + 1_000; rows++) settle(rows)
    expect(told.slice(1).map(({ row_index }) => row_index)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => many + i),
    )
  })

  it('are right at the moment when more of them are given up', () => {
    // Half of 8,192 are given up at row 8,193, and again after 8,192 more rows.
    for (let rows = 16_380; rows < 16_390; rows++)
      for (const first of [1, 2, 3])
        for (let settled = rows - 5; settled < rows; settled++) {
          const { told, pass, settle } = reports()
          pass(10)
          settle(first)
          pass(rows - 10)
          settle(settled)
          const { row_index, position } = told.at(-1) as Acknowledged
          expect(position).toBe(`of ${row_index}`)
          expect(settled - row_index).toBeLessThan(5)
        }
  })

  it('are right in every order of rows and settlements', () => {
    const settlements = fc.array(fc.tuple(fc.nat(30_000), fc.double({ min: 0, max: 1, noNaN: true })), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(settlements, steps => {
        const { told, pass, settle } = reports()
        let passed = 0
        let settled = 0
        for (const [rows, share] of steps) {
          pass(rows)
          passed += rows
          for (const part of [share / 2, share]) {
            settled += Math.floor((passed - settled) * part)
            settle(settled)
            expect(told.at(-1)?.row_index ?? -1).toBeLessThan(Math.max(1, settled))
          }
        }
        settle(passed)
        expect(told.at(-1)?.row_index ?? -1).toBe(passed - 1)
        expect(told.filter(({ row_index, position }) => position !== `of ${row_index}`)).toEqual([])
      }),
      { numRuns: 50 },
    )
  })
})

it('positions are taken away with their rows, and a later listener gets the right one', () => {
  let isListening = false
  const told: unknown[] = []
  const progress = new Progress(
    { keyspace: 'ks', table: 't' },
    () => isListening,
    one => told.push(one),
  )
  const source = { rows: 0, isIdle: true, settledRows: () => source.rows }
  progress.follow(source)
  for (let row = 0; row < 5; row++) progress.passed(row, `of ${row}`)
  source.rows = 3
  progress.flushed()
  progress.advanced()
  isListening = true
  source.rows = 4
  progress.flushed()
  progress.advanced()
  isListening = false
  for (let row = 5; row < 9; row++) progress.passed(row, `of ${row}`)
  isListening = true
  source.rows = 9
  progress.flushed()
  progress.advanced()
  expect(told.slice(1)).toEqual([
    { row_index: 3, position: 'of 3' },
    { row_index: 8, position: 'of 8' },
  ])
})

it('the position of an epoch without rows is not kept after the next one', () => {
  const { source, progress, settle } = scene()
  progress.passed(0, 'first')
  progress.flushed()
  settle(1)
  const { looks } = source
  for (let epoch = 0; epoch < 1_000; epoch++) {
    progress.passed(0, `epoch ${epoch}`)
    progress.flushed()
    progress.advanced()
  }
  // Somebody looks while positions are kept.
  expect(source.looks).toBe(looks)
})
