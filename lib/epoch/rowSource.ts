import { types as is } from 'node:util'
import { CheckpointError } from '../errors.ts'

/** What rows can be read from. */
export type RowSource<Row> = Iterable<Row> | AsyncIterable<Row> | ReadableStream<Row>

/** Rows that are collected in one turn of the event loop, at most. */
export const MOST_ROWS_PER_TURN = 100

/** Resolves in a later turn of the event loop, which a source that always has rows ready would otherwise block. */
export function pause(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/**
 * Reads rows until the source ends, `isEnough` returns true, or the signal is aborted. Then releases the source. If `onRow`
 * returns a promise, the next row is read after it resolves.
 * @throws CheckpointError `ERR_CASSANDRA_EPOCH` for a source of another type.
 */
export async function readRows<Row>(
  source: RowSource<Row>,
  onRow: (row: Row) => undefined | Promise<void>,
  isEnough: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  checkSource(source)
  let count = 0
  if (Symbol.iterator in source) {
    for (const row of source) {
      const wait = onRow(row)
      if (wait !== undefined) await wait
      if (++count % MOST_ROWS_PER_TURN === 0) await pause()
      if (signal.aborted || isEnough()) return
    }
    return
  }
  const { rows, release } = readingOf(source)
  const iterator = rows[Symbol.asyncIterator]()
  // Not awaited, because a source may take long to end, or never end.
  const end = () => void release().catch(() => {})
  signal.addEventListener('abort', end)
  let isOver = false
  try {
    for (;;) {
      isOver = true
      const next = await iterator.next()
      if (next.done) return
      isOver = false
      if (signal.aborted) return
      await onRow(next.value)
      if (++count % MOST_ROWS_PER_TURN === 0) await pause()
      if (isEnough()) return
    }
  } finally {
    signal.removeEventListener('abort', end)
    // A source that has ended or failed is already released.
    if (!isOver) end()
  }
}

/** Releases a source without reading it. */
export async function releaseRows<Row>(source: RowSource<Row>): Promise<void> {
  checkSource(source)
  if ('destroy' in source && typeof source.destroy === 'function') source.destroy()
  else if ('cancel' in source) await source.cancel()
  else if ('return' in source && typeof source.return === 'function') await source.return()
}

interface Reading<Row> {
  readonly rows: AsyncIterable<Row>
  /** Ends the source, even while the next row is awaited. */
  release(): Promise<void>
}

function readingOf<Row>(source: AsyncIterable<Row> | ReadableStream<Row>): Reading<Row> {
  // Some runtimes have web streams that cannot be iterated.
  if ('getReader' in source) {
    const reader = source.getReader()
    return { rows: fromReader<Row>(reader), release: () => reader.cancel() }
  }
  const iterator = source[Symbol.asyncIterator]()
  return {
    rows: { [Symbol.asyncIterator]: () => iterator },
    release: async () => {
      // `return` of a Readable's iterator would wait for the next row first.
      if ('destroy' in source && typeof source.destroy === 'function') source.destroy()
      else await iterator.return?.()
    },
  }
}

async function* fromReader<Row>(reader: ReadableStreamDefaultReader<Row>): AsyncGenerator<Row> {
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel()
  }
}

/** For callers in JavaScript: TypeScript refuses such a source. */
function checkSource(source: unknown): void {
  const isObject = typeof source === 'object' && source !== null
  if (isObject && [Symbol.iterator, Symbol.asyncIterator, 'getReader'].some(name => name in source)) return
  const got = source === null ? 'null' : is.isPromise(source) ? 'a Promise: await it first' : typeof source
  throw new CheckpointError(
    'ERR_CASSANDRA_EPOCH',
    `Expected the rows of an epoch as an iterable, an async iterable or a ReadableStream, got ${got}`,
  )
}
