import { describe, expect, it } from 'vitest'
import { Progress } from '../../../lib/write/progress.ts'

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
  progress.advanced()
  isListening = true
  source.rows = 4
  progress.advanced()
  isListening = false
  for (let row = 5; row < 9; row++) progress.passed(row, `of ${row}`)
  isListening = true
  source.rows = 9
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
