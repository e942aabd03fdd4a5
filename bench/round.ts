import type { Measured } from './job.ts'
import type { DataName } from './rows.ts'
import type { BenchServer } from './server.ts'

/** One round: all rows of a data set into an empty table. */
export interface Round {
  readonly server: BenchServer
  readonly table: string
  readonly data: DataName
  readonly rows: number
  /** File with the same rows as lines of JSON. */
  readonly file: string
}

export interface Contender {
  readonly name: string
  /** Whether it reads the rows from the file. Otherwise it makes them. */
  readonly readsFile: boolean
  readonly run: (round: Round) => Promise<Measured>
}
