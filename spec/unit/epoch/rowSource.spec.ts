import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type RowSource, readRows, releaseRows } from '../../../lib/epoch/rowSource.ts'
import { settled } from '../../stream/support.ts'

const never = () => false

/** Sources of numbers from 0. Each can tell whether it was released. */
const kinds: readonly [string, () => { source: RowSource<number>; isReleased: () => boolean }][] = [
  [
    'a generator',
    () => {
      let isReleased = false
      const source = (function* () {
        try {
          for (let i = 0; ; i++) yield i
        } finally {
          isReleased = true
        }
      })()
      return { source, isReleased: () => isReleased }
    },
  ],
  [
    'an async iterator',
    () => {
      let isReleased = false
      let i = 0
      const source: AsyncIterableIterator<number> = {
        [Symbol.asyncIterator]: () => source,
        next: async () => ({ done: false, value: i++ }),
        return: async () => {
          isReleased = true
          return { done: true, value: undefined }
        },
      }
      return { source, isReleased: () => isReleased }
    },
  ],
  [
    'a Readable',
    () => {
      let i = 0
      const source = new Readable({ objectMode: true, read: () => source.push(i++) })
      return { source, isReleased: () => source.destroyed }
    },
  ],
  [
    'a web stream',
    () => {
      let isReleased = false
      let i = 0
      const source = new ReadableStream<number>({
        pull: controller => controller.enqueue(i++),
        cancel: () => {
          isReleased = true
        },
      })
      return { source, isReleased: () => isReleased }
    },
  ],
]

describe.each(kinds)('%s', (kind, make) => {
  it('is released when enough rows came, when a row is refused, and when it is skipped', async () => {
    const { signal } = new AbortController()
    const enough = make()
    const taken: number[] = []
    const isEnough = () => taken.length === 3
    await readRows(enough.source, row => void taken.push(row), isEnough, signal)
    expect([taken, enough.isReleased()]).toEqual([[0, 1, 2], true])

    const refused = make()
    const refuse = () => {
      throw new Error('refused')
    }
    await expect(readRows(refused.source, refuse, never, signal)).rejects.toThrow('refused')
    expect(refused.isReleased()).toBe(true)

    const skipped = make()
    await releaseRows(skipped.source)
    // A generator that was never started has nothing to release, and ends.
    if (kind === 'a generator') expect([...(skipped.source as Iterable<number>)]).toEqual([])
    else expect(skipped.isReleased()).toBe(true)
  })

  it('lets the event loop turn after every 100 rows, although rows are always ready', async () => {
    const { signal } = new AbortController()
    let rows = 0
    const rowsAtTurns: number[] = []
    const turn = () => {
      rowsAtTurns.push(rows)
      if (rows < 1_000) setImmediate(turn)
    }
    setImmediate(turn)
    await readRows(
      make().source,
      () => void rows++,
      () => rows === 1_000,
      signal,
    )
    expect(rows).toBe(1_000)
    expect(rowsAtTurns.every((at, i) => at - (rowsAtTurns[i - 1] ?? 0) <= 100)).toBe(true)
    expect(rowsAtTurns.length).toBeGreaterThanOrEqual(9)
  })
})

describe('a source that hangs', () => {
  it.each<[string, () => { source: RowSource<number>; isReleased: () => boolean }]>([
    [
      'a Readable',
      () => {
        const source = new Readable({ objectMode: true, read() {} })
        return { source, isReleased: () => source.destroyed }
      },
    ],
    [
      'a web stream',
      () => {
        let isReleased = false
        const cancel = () => {
          isReleased = true
        }
        return { source: new ReadableStream<number>({ cancel }), isReleased: () => isReleased }
      },
    ],
    [
      'an async iterator',
      () => {
        let isReleased = false
        const source: AsyncIterableIterator<number> = {
          [Symbol.asyncIterator]: () => source,
          next: () => new Promise(() => {}),
          return: () => {
            isReleased = true
            return Promise.reject(new Error('of the source'))
          },
        }
        return { source, isReleased: () => isReleased }
      },
    ],
  ])('is released when the signal aborts: %s', async (_, make) => {
    const { source, isReleased } = make()
    const abort = new AbortController()
    readRows(source, () => {}, never, abort.signal).catch(() => {})
    await settled()
    abort.abort()
    await settled()
    expect(isReleased()).toBe(true)
  })
})

describe('a source that ignores its release', () => {
  it('does not delay the error of a refused row', async () => {
    async function* rows() {
      try {
        yield 1
      } finally {
        await new Promise(() => {})
      }
    }
    const refuse = () => {
      throw new Error('refused')
    }
    await expect(readRows(rows(), refuse, never, new AbortController().signal)).rejects.toThrow('refused')
  })
})

describe('a value that is no source', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, 'number'],
    ['rows', 'string'],
    [{}, 'object'],
    [Promise.resolve([]), 'a Promise: await it first'],
  ])('is refused: %s', async (source, name) => {
    const { signal } = new AbortController()
    const refused = readRows(source as Iterable<number>, () => {}, never, signal)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CASSANDRA_EPOCH' })
    await expect(refused).rejects.toThrow(`or a ReadableStream, got ${name}`)
  })
})
