import { setTimeout as delay } from 'node:timers/promises'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'

/** One load. */
export interface Task {
  readonly options: CassandraWritableOptions
  /** Value of the partition key. */
  readonly pattern: number
  readonly rows: number
}

/** A report of the process: it is ready for loads, its load is open, its load has given all rows, or the end of its load. */
export type Word = 'ready' | 'open' | 'given' | Ended

export interface Ended {
  /** `finished`, or the code and the message of the error. */
  readonly outcome: string
  readonly rows_accepted: number
  readonly rows_written: number
  readonly rows_failed: number
  /** Resources that would keep the process alive. */
  readonly left: readonly string[]
}

/** Milliseconds between two rows, so that a load lasts as long as a few outages. */
const PAUSE_MS = 10

const say = (word: Word) => process.send?.(word)

/** Resources that keep the process alive, without the pipes to the parent. */
const resources = () => process.getActiveResourcesInfo().filter(name => !/Pipe|TTY/.test(name))

process.on('message', async ({ options, pattern, rows }: Task) => {
  const sink = createCassandraWritable(options)
  let outcome = 'finished'
  sink.on('error', error => {
    outcome = `${'code' in error ? error.code : error.name}: ${error.message}`
  })
  const closed = new Promise(resolve => sink.once('close', resolve))
  sink.write({ pattern, id: 0 }, () => say('open'))
  for (let id = 1; id < rows && !sink.destroyed; id++) {
    sink.write({ pattern, id })
    await delay(PAUSE_MS)
  }
  say('given')
  sink.end()
  await closed
  // Closed timers and sockets are gone after a turn or two of the event loop.
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  const { rows_accepted, rows_written, rows_failed } = sink.stats
  say({ outcome, rows_accepted, rows_written, rows_failed, left: resources() })
})
say('ready')
