import type { CassandraWritableOptions } from '../lib/index.ts'
import type { DataName } from './rows.ts'
import type { Access } from './server.ts'

/** The input of the process of one round. */
export interface Job {
  readonly access: Access
  readonly table: string
  readonly data: DataName
  readonly rows: number
  readonly method: Method
  /** Whether the rows are made before the clock starts. Otherwise they are made during the load. */
  readonly parsed: boolean
  /** Milliseconds between two samples of the memory. Without it there are none. */
  readonly sample_ms?: number
  /** File for a CPU profile of the load, without making the rows. */
  readonly profile?: string
  /** Whether every diagnostics channel has a subscriber. */
  readonly observed?: boolean
}

export type Method =
  | { readonly name: 'executeConcurrent'; readonly concurrencyLevel: number }
  | {
      readonly name: 'ours'
      readonly options: Partial<CassandraWritableOptions>
      /** Whether there is an `on_bad_row`. It does nothing. */
      readonly handler?: boolean
      /** Share of rows with a value that their column cannot have. */
      readonly bad?: number
    }
  /** Ours in epochs, with a checkpoint in a temporary folder or in a table of the same server. */
  | { readonly name: 'epochs'; readonly rows_per_epoch: number; readonly keeper?: 'file' | 'table' }
  /** Rows go through a pipeline and are dropped, to measure the cost of the source. */
  | { readonly name: 'nothing' }

/** The output of the process of one round. */
export interface Measured {
  /** Seconds from before connecting to the last acknowledgement. */
  readonly seconds: number
  readonly cpu_seconds: number
  /** Seconds from the start of the process to its end, if the clock covers less. */
  readonly wall_seconds?: number
  /** CPU of all other processes at the same time. On a quiet machine that is the server. */
  readonly other_cpu_seconds: number
  readonly peak_mib: number
  /** Resident memory before the clock starts, with all rows if they were made by then. */
  readonly before_mib: number
  readonly requests?: number
  readonly retries?: number
  /** Rows that were given to `on_bad_row`. */
  readonly set_aside?: number
  /** Number of messages on diagnostics channels. */
  readonly messages?: number
  /** Number of warnings about batches in the log of the server. */
  readonly warnings?: number
  readonly memory?: readonly MemorySample[]
}

export interface MemorySample {
  readonly seconds: number
  readonly mib: number
}
