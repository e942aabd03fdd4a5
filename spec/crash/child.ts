// A process that the campaign kills. Writes a part of the source through a micro-batch sink and reports each step.
import { writeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, policies } from 'cassandra-driver'
import { createMicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'
import { randomFrom } from '../random.ts'
import { withFlaws } from './badRows.ts'
import { dieAtFsCall } from './fsCalls.ts'
import { type CrashRow, controls, rowsFrom } from './rows.ts'

/** The input of the process. */
export interface Task {
  readonly contactPoint: string
  readonly localDataCenter: string
  readonly keyspace: string
  readonly table: string
  readonly checkpoint_location: string
  readonly seed: number
  readonly rows: number
  /** Partition of all rows, if several sources share a table. */
  readonly partition?: number
  /** Error of this machine's clock in milliseconds. */
  readonly clock_ms?: number
  /** The process dies just before this call to the file system, counted from 1. */
  readonly die_at_call?: number
  /** Whether some rows cannot be stored and are set aside. */
  readonly flaws?: boolean
  /** Share of late answers. With them the next epoch begins before this one is acknowledged. */
  readonly late?: number
  readonly options: Partial<MicroBatchSinkOptions>
}

/** A report of the process, one per line. */
export type Word =
  | { readonly open: { readonly epoch_id: number; readonly rows_total: number } | null }
  | { readonly send: number }
  | { readonly commit: { readonly epoch_id: number; readonly rows: number } }
  /** Index in the source of a row that was set aside. */
  | { readonly aside: number }
  | { readonly done: { readonly retries: number } }
  | { readonly failed: string }

const LATE_MS = 15

const task = JSON.parse(process.argv[2] ?? '') as Task

/** Writes synchronously, so that a kill just afterwards does not lose the word. */
function say(word: Word): void {
  writeSync(1, `${JSON.stringify(word)}\n`)
}

if (task.clock_ms !== undefined) {
  const { clock_ms } = task
  const now = Date.now
  Date.now = () => now() + clock_ms
}

const client = new Client({
  contactPoints: [task.contactPoint],
  localDataCenter: task.localDataCenter,
  policies: { retry: new policies.retry.FallthroughRetryPolicy() },
})
const random = randomFrom(task.seed)
const execute = client.execute.bind(client) as (...given: unknown[]) => unknown
client.execute = ((cql: string, ...rest: unknown[]) => {
  const rows = cql.match(/INSERT INTO|DELETE FROM/g)?.length ?? 0
  if (rows > 0) say({ send: rows })
  const answer = execute(cql, ...rest)
  const isLate = rows > 0 && random() < (task.late ?? 0)
  return isLate ? Promise.resolve(answer).then(async found => delay(LATE_MS, found)) : answer
}) as Client['execute']

if (task.die_at_call !== undefined) dieAtFsCall(task.die_at_call)
const { keyspace, table, checkpoint_location, seed, flaws, options } = task
let from = 0
const sink = createMicroBatchSink<CrashRow>({
  client,
  keyspace,
  table,
  checkpoint_location,
  ...controls,
  ...(flaws && { on_bad_row: ({ row_index }) => say({ aside: from + row_index }) }),
  ...options,
})
try {
  const last = await sink.open()
  say({ open: last })
  from = last?.rows_total ?? 0
  sink.on('commit', ({ epoch_id, rows }) => say({ commit: { epoch_id, rows } }))
  const rows = rowsFrom(seed, from, task.rows, task.partition)
  await pipeline(Readable.from(flaws ? withFlaws(rows, seed, from) : rows), sink)
  say({ done: { retries: sink.stats.retries } })
} catch (error) {
  say({ failed: String((error as { code?: string }).code ?? error) })
}
await client.shutdown()
