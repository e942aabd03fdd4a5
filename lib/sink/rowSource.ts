/** Rows in any form that can be read from first to last. */
export type RowSource<Row> = Iterable<Row> | AsyncIterable<Row> | ReadableStream<Row>

/** Reads rows until they end or `stop` says so, and then releases the source. `take` may ask for time. */
export async function readRows<Row>(
  source: RowSource<Row>,
  take: (row: Row) => undefined | Promise<void>,
  stop: () => boolean,
): Promise<void> {
  if (Symbol.iterator in source) {
    for (const row of source) {
      const wait = take(row)
      if (wait !== undefined) await wait
      if (stop()) return
    }
    return
  }
  const rows: AsyncIterable<Row> = Symbol.asyncIterator in source ? source : fromReader<Row>(source)
  for await (const row of rows) {
    await take(row)
    if (stop()) return
  }
}

/** Some runtimes have web streams that cannot be iterated. */
async function* fromReader<Row>(stream: ReadableStream<Row>): AsyncGenerator<Row> {
  const reader = stream.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel()
  }
}

/** Lets a source go that is not read at all. */
export async function releaseRows<Row>(source: RowSource<Row>): Promise<void> {
  if ('destroy' in source && typeof source.destroy === 'function') source.destroy()
  else if ('cancel' in source) await source.cancel()
}
