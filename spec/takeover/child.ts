// A process that owns a checkpoint in a table until another one takes it. Writes a part of the source and reports each step.
import { writeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type CheckpointTable, createMicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'
import type { Word } from '../crash/child.ts'
import { type CrashRow, controls } from '../crash/rows.ts'
import { windowedRows } from './rows.ts'

/** The input of the process. */
export interface Task {
  readonly host: string
  readonly port: number
  readonly keyspace: string
  readonly table: string
  readonly checkpoint_location: CheckpointTable
  readonly seed: number
  readonly rows: number
  /** Error of this machine's clock in milliseconds. */
  readonly clock_ms: number
  readonly options: Partial<MicroBatchSinkOptions>
}

const { clock_ms, seed, rows, options, ...target } = JSON.parse(process.argv[2] ?? '') as Task

/** Writes synchronously, so that a signal just afterwards does not lose the word. */
function say(word: Word): void {
  writeSync(1, `${JSON.stringify(word)}\n`)
}

const now = Date.now
Date.now = () => now() + clock_ms

const sink = createMicroBatchSink<CrashRow>({ ...target, ...controls, ...options })
try {
  const last = await sink.open()
  say({ open: last })
  sink.on('commit', ({ epoch_id, rows }) => say({ commit: { epoch_id, rows } }))
  await pipeline(Readable.from(windowedRows(seed, last?.rows_total ?? 0, rows)), sink)
  say({ done: { retries: sink.stats.retries } })
} catch (error) {
  say({ failed: String((error as { code?: string }).code ?? error) })
}
