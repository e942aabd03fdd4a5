// Continues a load, and kills itself in the middle of its third epoch.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EPOCH_ROWS, nextOf, openSink, rowsFrom } from './epochs.ts'
import { Keyspace } from './suite.ts'

const keyspace = await Keyspace.create()
const sink = await openSink(keyspace)
const last = await sink.open()

let committed = 0
sink.on('commit', ({ rows }) => {
  committed += rows
})
function watch(): void {
  const isInside = sink.stats.rows_written > committed
  if (isInside && committed >= 2 * EPOCH_ROWS) process.kill(process.pid, 'SIGKILL')
  setImmediate(watch).unref()
}
watch()
await pipeline(Readable.from(rowsFrom(nextOf(last))), sink)
await keyspace.client.shutdown()
