import { once } from 'node:events'
import { Client } from 'cassandra-driver'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { Load } from '../faults/load.ts'
import { type Inventory, takeInventory, takeSettledInventory } from './inventory.ts'

/** The input of the process: a load until `stop`, then sinks that open and close. */
export interface Task {
  readonly options: CassandraWritableOptions
  /** Rows per second. */
  readonly pace: number
  /** Number of sinks that open and close after the load. */
  readonly cycles: number
  /** Table for these sinks, with `id int PRIMARY KEY`. */
  readonly cycle_table: string
  readonly rows_per_cycle: number
}

/** Memory of the process in MiB, after a garbage collection. */
export interface Sample {
  readonly seconds: number
  readonly rss: number
  readonly heap: number
  /** Number of acknowledged rows so far. */
  readonly written: number
}

/** Open resources before the first sink and after the last one. */
interface Left {
  readonly before: Inventory
  readonly after: Inventory
}

interface Loaded {
  readonly offered: number
  readonly given: number
  readonly took_ms: number
  readonly error: string | undefined
  readonly stats: {
    readonly rows_written: number
    readonly rows_deleted: number
    readonly rows_set_aside: number
    readonly requests: number
    readonly retries: number
  }
}

/** The result of the load. */
export type LoadEnd = Loaded & Left

interface Cycled {
  readonly errors: readonly string[]
  /** One sample after each cycle. */
  readonly samples: readonly Sample[]
}

/** The result of the sinks that opened and closed. */
export type CyclesEnd = Cycled & Left

/** A report of the process. */
export type Word =
  | { readonly kind: 'begun'; readonly end: undefined }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'load'; readonly end: LoadEnd }
  | { readonly kind: 'cycles'; readonly end: CyclesEnd }

const SAMPLE_MS = 1000

const say = (word: Word) => process.send?.(word)
let from = 0

function sample(written: number): Sample {
  global.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  return { seconds: (performance.now() - from) / 1000, rss: rss / 2 ** 20, heap: heapUsed / 2 ** 20, written }
}

// Opens standard error before the first inventory, because a warning would open it later.
void process.stderr
// Makes the driver load all its modules, which it does for the first client.
await new Client({ contactPoints: ['127.0.0.1'], localDataCenter: 'none' }).shutdown()

const abort = new AbortController()
const parentDied = () => process.exit(1)
process.once('disconnect', parentDied)

process.once('message', async (task: Task) => {
  const stopped = once(process, 'message')
  const before = takeInventory(abort.signal)
  const loaded = await runLoad(task, stopped)
  // From here on nothing refers to the sink.
  say({ kind: 'load', end: { ...loaded, before, after: await takeSettledInventory(abort.signal, before) } })
  const cycled = await runCycles(task)
  say({ kind: 'cycles', end: { ...cycled, before, after: await takeSettledInventory(abort.signal, before) } })
  process.off('disconnect', parentDied)
  process.disconnect()
})

async function runLoad({ options, pace }: Task, stopped: Promise<unknown>): Promise<Loaded> {
  from = performance.now()
  say({ kind: 'begun', end: undefined })
  const sink = createCassandraWritable({ ...options, signal: abort.signal })
  const closed = new Promise(resolve => sink.once('close', resolve))
  const load = new Load(sink, pace)
  const timer = setInterval(() => say({ kind: 'sample', sample: sample(sink.stats.rows_written) }), SAMPLE_MS)
  await Promise.race([stopped, load.ended])
  const { offered, given, took_ms, error } = await load.stop()
  await closed
  clearInterval(timer)
  const { rows_written, rows_deleted, rows_set_aside, requests, retries } = sink.stats
  const stats = { rows_written, rows_deleted, rows_set_aside, requests, retries }
  return { offered, given, took_ms, error: error === undefined ? undefined : String(error), stats }
}

async function runCycles({ options, cycles, cycle_table, rows_per_cycle }: Task): Promise<Cycled> {
  const errors: string[] = []
  const samples: Sample[] = []
  for (let cycle = 0; cycle < cycles; cycle++) {
    const sink = createCassandraWritable({ ...options, table: cycle_table, signal: abort.signal })
    sink.on('error', error => errors.push(`cycle ${cycle}: ${error}`))
    const closed = new Promise(resolve => sink.once('close', resolve))
    for (let row = 0; row < rows_per_cycle; row++) sink.write({ id: cycle * rows_per_cycle + row })
    sink.end()
    await closed
    samples.push(sample(sink.stats.rows_written))
  }
  return { errors, samples }
}
