import { deepEqual, ok } from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ALL_ROWS, EPOCH_ROWS, nextOf, openSink, rowsFrom, TABLE } from './epochs.ts'
import { type Suite, sameRows } from './suite.ts'

export const once: Suite = {
  async 'continues after it was killed, and leaves the table of a clean run'(keyspace) {
    const sink = await openSink(keyspace)
    const last = await sink.open()
    const from = nextOf(last)
    ok(from >= 2 * EPOCH_ROWS && from < ALL_ROWS, `goes on at ${from}`)
    let total = last?.rows_total ?? 0
    sink.on('commit', ({ rows }) => {
      total += rows
    })
    await pipeline(Readable.from(rowsFrom(from)), sink)
    deepEqual(total, ALL_ROWS)
    const found = await keyspace.all(TABLE, 'id, v, tags')
    found.sort((a, b) => Number(a['id']) - Number(b['id']))
    sameRows(found, [...rowsFrom(0)])
  },
}
