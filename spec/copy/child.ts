// A process that the campaign kills. Copies a table into another one and continues after an earlier run.
import { writeSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import {
  type CassandraReadable,
  createCassandraReadable,
  createCassandraWritable,
  createMicroBatchSink,
} from '../../lib/index.ts'

/** The input of the process. */
export interface Task {
  readonly host: string
  readonly port: number
  readonly keyspace: string
  readonly from: string
  readonly to: string
  readonly checkpoint_location: string
  /** Who keeps the position: the sink with its commits, or the source with the rows that the sink acknowledged. */
  readonly keeper: 'sink' | 'source'
  readonly max_rows_per_second: number
}

const EPOCH_ROWS = 200

const task = JSON.parse(process.argv[2] ?? '') as Task
const { host, port, keyspace, from, to, checkpoint_location, keeper, max_rows_per_second } = task
const target = { host, port, keyspace, max_rows_per_second }

/** Writes synchronously, so that a kill just afterwards does not lose the word. */
function say(word: object): void {
  writeSync(1, `${JSON.stringify(word)}\n`)
}

let source: CassandraReadable
const position = (row: object) => source.positionOf(row)

if (keeper === 'sink') {
  const options = { ...target, table: to, checkpoint_location, rows_per_epoch: EPOCH_ROWS, position }
  const sink = createMicroBatchSink(options)
  const commit = await sink.open()
  source = createCassandraReadable({ host, port, keyspace, table: from, after: commit?.position ?? null })
  say({ open: commit?.rows_total ?? 0 })
  await pipeline(source, sink)
} else {
  source = createCassandraReadable({ host, port, keyspace, table: from, checkpoint_location })
  const sink = createCassandraWritable({ ...target, table: to, rows_per_batch: EPOCH_ROWS, position })
  const kept: Promise<void>[] = []
  sink.on('acknowledged', ({ position: at }) => {
    if (at !== undefined) kept.push(source.acknowledge(at))
  })
  say({ open: 0 })
  await pipeline(source, sink)
  await Promise.all(kept)
}
say({ done: true })
