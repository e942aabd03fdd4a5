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

/** What the process says. */
export interface Word {
  /** The copy begins. */
  readonly open?: true
  /** Number of rows of this run whose position is durable, so that no later run reads them. */
  readonly kept?: number
  /** The copy is complete, after this number of rows in this run. */
  readonly done?: number
}

const EPOCH_ROWS = 200

const task = JSON.parse(process.argv[2] ?? '') as Task
const { host, port, keyspace, from, to, checkpoint_location, keeper, max_rows_per_second } = task
const target = { host, port, keyspace, max_rows_per_second }

/** Writes synchronously, so that a kill just afterwards does not lose the word. */
function say(word: Word): void {
  writeSync(1, `${JSON.stringify(word)}\n`)
}

let source: CassandraReadable
const position = (row: object) => source.positionOf(row)

if (keeper === 'sink') {
  const options = { ...target, table: to, checkpoint_location, rows_per_epoch: EPOCH_ROWS, position }
  const sink = createMicroBatchSink(options)
  let kept = 0
  sink.on('commit', ({ rows }) => {
    kept += rows
    say({ kept })
  })
  const commit = await sink.open()
  source = createCassandraReadable({ host, port, keyspace, table: from, after: commit?.position ?? null })
  say({ open: true })
  await pipeline(source, sink)
  say({ done: sink.stats.rows_accepted })
} else {
  source = createCassandraReadable({ host, port, keyspace, table: from, checkpoint_location })
  const sink = createCassandraWritable({ ...target, table: to, rows_per_batch: EPOCH_ROWS, position })
  const keeping: Promise<void>[] = []
  sink.on('acknowledged', ({ row_index, position: at }) => {
    if (at !== undefined) keeping.push(source.acknowledge(at).then(() => say({ kept: row_index + 1 })))
  })
  say({ open: true })
  await pipeline(source, sink)
  await Promise.all(keeping)
  say({ done: sink.stats.rows_accepted })
}
