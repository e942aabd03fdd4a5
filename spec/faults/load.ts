import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, types } from 'cassandra-driver'
import { CassandraStreamsError, type CassandraWritable, type RowError } from '../../lib/index.ts'

/** Number of rows that are written again and again, each time with a higher version. */
const UPDATED = 100

/** Attempts to read the table. Nodes that have just come back may fail to answer. */
const READS = 20

/** Longest delay of a timer that is made up for, in milliseconds. */
const MOST_LATE_MS = 100

/** Columns and key of a table for the rows. */
export const DEFINITION = 'id int PRIMARY KEY, version int'

interface Row {
  readonly id: number
  readonly version: number
}

/** Row `index` of each load. Every second row is new; the others update a few rows again and again. */
export function rowOf(index: number): Row {
  const id = index % 2 === 0 ? index : -1 - (((index - 1) / 2) % UPDATED)
  return { id, version: index }
}

/** An `on_bad_row` for faults of which no row is to blame. It ends the load with ERR_CASSANDRA_ON_BAD_ROW. */
export function blameless({ message }: RowError): never {
  throw new Error(`No row is to blame: ${message}`)
}

export interface Ended {
  /** Number of rows that the source offered. After an error, the sink has taken a few less. */
  readonly offered: number
  /** Number of rows that the sink took. */
  readonly given: number
  readonly took_ms: number
  /** The error that ended the load early. */
  readonly error: unknown
}

/** Writes numbered rows at a steady pace until it is stopped. */
export class Load {
  readonly sink: CassandraWritable
  readonly ended: Promise<Ended>
  /** Returns more columns for row `index`. */
  more: (index: number) => object
  #given = 0
  #isOver = false
  #hold: Promise<void> | undefined

  /** @param pace rows per second, if the sink accepts them in time */
  constructor(sink: CassandraWritable, pace: number, more: (index: number) => object = () => ({})) {
    this.sink = sink
    this.more = more
    const from = performance.now()
    const load = pipeline(Readable.from(this.#rows(pace)), sink).then(
      () => undefined,
      (error: unknown) => error,
    )
    this.ended = load.then(error => ({
      offered: this.#given,
      given: sink.stats.rows_accepted,
      took_ms: performance.now() - from,
      error,
    }))
  }

  get given(): number {
    return this.#given
  }

  /** The source gives no row until the returned function is called. */
  hold(): () => void {
    let go = () => {}
    this.#hold = new Promise(resolve => {
      go = resolve
    })
    return go
  }

  /** Ends the source. Rows that wait are still written. */
  async stop(): Promise<Ended> {
    this.#isOver = true
    return this.ended
  }

  async *#rows(pace: number): AsyncGenerator<Row> {
    let due = performance.now()
    while (!this.#isOver) {
      // The source does not catch up on time in which the sink took no rows.
      due = Math.max(due, performance.now() - MOST_LATE_MS) + 1000 / pace
      const ahead_ms = due - performance.now()
      if (ahead_ms > 20) await delay(ahead_ms)
      await this.#hold
      const index = this.#given++
      yield { ...rowOf(index), ...this.more(index) }
    }
  }
}

/** The outcome of the rows of a load. */
export interface Comparison {
  readonly rows: number
  /** Rows that the sink reported as written, but the table has neither this version nor a later one. */
  readonly lost: number
  /** Rows that the source never had, rows in an older version, and counts that do not add up. */
  readonly wrong: number
  /** Rows that the error reports as not known to be written. */
  readonly reported: number
}

/** How a fault affects the comparison. */
export interface Expectation {
  /** First row that was given after a TRUNCATE. Earlier rows may be missing. @default 0 */
  readonly from?: number
  /** Whether a stored row has the right values in its other columns. */
  readonly isRight?: (stored: Readonly<Record<string, unknown>>) => boolean
  /**
   * Consistency of the read. It must include a replica of each write, so ONE is not enough for several replicas.
   * @default LOCAL_QUORUM
   */
  readonly readAt?: types.consistencies | undefined
}

/** The counters of settled rows. */
type Counted = Pick<CassandraWritable['stats'], 'rows_written' | 'rows_deleted' | 'rows_set_aside'>

/** Compares the whole table with what the sink reported for each row. */
export async function compare(
  client: Client,
  table: string,
  { offered, given, error }: Ended,
  { stats }: { readonly stats: Counted },
  { from = 0, isRight = () => true, readAt = types.consistencies.localQuorum }: Expectation = {},
): Promise<Comparison> {
  const isUnknown = unknownIn(error)
  /** The last version of each row that is known to be written. */
  const atLeast = new Map<number, number>()
  for (let index = 0; index < given; index++) {
    if (!isUnknown.has(index)) atLeast.set(rowOf(index).id, index)
  }
  let lost = 0
  let wrong = 0
  const stored = new Map<number, number>()
  for (const row of await rowsIn(client, table, readAt)) {
    const { id, version } = row
    stored.set(id, version)
    const isGiven = Number.isInteger(version) && version >= 0 && version < given && rowOf(version).id === id
    // The table may have a version that is not known to be written only if the error reported it.
    const isTold = version <= (atLeast.get(id) ?? -1) || isUnknown.has(version)
    if (!isGiven || !isTold || !isRight(row)) wrong++
  }
  for (const [id, version] of atLeast) {
    const got = stored.get(id)
    if (version < from) continue
    if (got === undefined) lost++
    else if (got < version) wrong++
  }
  // A row without a report is lost, and a row with two reports is wrong. The ranges also contain rows that still waited in the
  // stream, after those that the sink took.
  const reported = [...isUnknown].filter(index => index < given).length
  const spokenOf = stats.rows_written + stats.rows_deleted + stats.rows_set_aside + reported
  lost += Math.max(0, given - spokenOf)
  wrong += Math.max(0, spokenOf - given)
  if (error === undefined) lost += offered - given
  if ([...isUnknown].some(index => index >= offered)) wrong++
  return { rows: given, lost, wrong, reported }
}

/** All rows of a table. */
async function rowsIn(
  client: Client,
  table: string,
  consistency: types.consistencies,
): Promise<readonly types.Row[]> {
  for (let reads = 1; ; reads++) {
    try {
      const rows: types.Row[] = []
      const options = { consistency, fetchSize: 1_000, readTimeout: 120_000 }
      for await (const row of await client.execute(`SELECT * FROM ${table}`, [], options)) rows.push(row)
      return rows
    } catch (error) {
      if (reads === READS) throw error
      await delay(1_000)
    }
  }
}

/** Indexes of the rows that an error reports as not known to be written. */
export function unknownIn(error: unknown): Set<number> {
  const unknown = new Set<number>()
  const ranges = error instanceof CassandraStreamsError ? (error.unacknowledged ?? []) : []
  for (const { from, to } of ranges) for (let index = from; index <= to; index++) unknown.add(index)
  return unknown
}
