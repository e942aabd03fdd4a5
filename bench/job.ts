import type { CassandraWritableOptions } from '../lib/index.ts'
import type { DataName } from './rows.ts'
import type { Access } from './server.ts'

/** What the process of one round is told. */
export interface Job {
  readonly access: Access
  readonly table: string
  readonly data: DataName
  readonly rows: number
  readonly method: Method
  /** Whether the rows are there before the clock starts; else they are made while they are loaded. */
  readonly parsed: boolean
  /** Time between two samples of the memory; without it there are none. */
  readonly sample_ms?: number
  /** File for a CPU profile of the load, without the making of the rows. */
  readonly profile?: string
  /** Whether somebody subscribes to every diagnostics channel. */
  readonly observed?: boolean
}

export type Method =
  | { readonly name: 'executeConcurrent'; readonly concurrencyLevel: number }
  | {
      readonly name: 'ours'
      readonly options: Partial<CassandraWritableOptions>
    }
  /** Ours in epochs, with a checkpoint in a temporary folder, or in a table of the same server. */
  | { readonly name: 'epochs'; readonly rows_per_epoch: number; readonly keeper?: 'file' | 'table' }
  /** Rows go through a pipeline and are dropped: what the source costs. */
  | { readonly name: 'nothing' }

/** What it found. */
export interface Measured {
  /** From before connecting until the last row is acknowledged. */
  readonly seconds: number
  readonly cpu_seconds: number
  /** From the start of the process to its end, where that is more. */
  readonly wall_seconds?: number
  /** What all other processes used meanwhile: the server, if the machine is quiet. */
  readonly other_cpu_seconds: number
  readonly peak_mib: number
  /** Resident before the clock: the process, with all rows if they were made before. */
  readonly before_mib: number
  readonly requests?: number
  readonly retries?: number
  /** Messages of diagnostics channels. */
  readonly messages?: number
  /** Complaints about batches in the log of the server. */
  readonly warnings?: number
  readonly memory?: readonly MemorySample[]
}

export interface MemorySample {
  readonly seconds: number
  readonly mib: number
}
