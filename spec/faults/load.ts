import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, types } from 'cassandra-driver'
import { CassandraStreamsError, type CassandraWritable } from '../../lib/index.ts'

/** Rows that are written again and again, each time with a higher version. */
const UPDATED = 100

/** Most times that the table is read: nodes that were just mended may fail to answer. */
const READS = 20

/** A timer is late by less. */
const MOST_LATE_MS = 100

/** Columns and key of a table that takes the rows. */
export const DEFINITION = 'id int PRIMARY KEY, version int'

interface Row {
  readonly id: number
  readonly version: number
}

/** Row `index` of each load: every second one is new, the others update a few rows over and over. */
export function rowOf(index: number): Row {
  const id = index % 2 === 0 ? index : -1 - (((index - 1) / 2) % UPDATED)
  return { id, version: index }
}

export interface Ended {
  /** Rows that the source offered: a few more than the sink took when an error ended the load. */
  readonly offered: number
  /** Rows that the sink took. */
  readonly given: number
  readonly took_ms: number
  /** What ended the load before its time. */
  readonly error: unknown
}

/** Numbered rows at a steady pace, until somebody stops them. */
export class Load {
  readonly sink: CassandraWritable
  readonly ended: Promise<Ended>
  /** Further columns of row `index`. */
  more: (index: number) => object
  #given = 0
  #isOver = false

  /** @param pace rows per second, as long as the sink takes them */
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

  /** The source ends; rows that wait are still written. */
  async stop(): Promise<Ended> {
    this.#isOver = true
    return this.ended
  }

  async *#rows(pace: number): AsyncGenerator<Row> {
    let due = performance.now()
    while (!this.#isOver) {
      // Time in which the sink takes no rows is not made up for.
      due = Math.max(due, performance.now() - MOST_LATE_MS) + 1000 / pace
      const ahead_ms = due - performance.now()
      if (ahead_ms > 20) await delay(ahead_ms)
      const index = this.#given++
      yield { ...rowOf(index), ...this.more(index) }
    }
  }
}

/** What became of the rows of a load. */
export interface Comparison {
  readonly rows: number
  /** Rows said to be written of which the table has neither this version nor a later one. */
  readonly lost: number
  /** Rows of the table that nobody gave, or that an older version has won; and counts that do not add up. */
  readonly wrong: number
  /** Rows that the error names as not known to be written. */
  readonly reported: number
}

/** What a comparison has to know of the fault. */
export interface Expectation {
  /** First row that was given after somebody emptied the table: earlier ones need not be there. @default 0 */
  readonly from?: number
  /** Whether a stored row has the right values in its further columns. */
  readonly isRight?: (stored: Readonly<Record<string, unknown>>) => boolean
  /**
   * Of the read: it must meet a replica of each write, so ONE is too little where there are several.
   * @default LOCAL_QUORUM
   */
  readonly readAt?: types.consistencies | undefined
}

/** What a sink counts of the rows that are done with. */
type Counted = Pick<CassandraWritable['stats'], 'rows_written' | 'rows_deleted' | 'rows_set_aside'>

/** Compares the whole table with what the sink says of each row. */
export async function compare(
  client: Client,
  table: string,
  { offered, given, error }: Ended,
  { stats }: { readonly stats: Counted },
  { from = 0, isRight = () => true, readAt = types.consistencies.localQuorum }: Expectation = {},
): Promise<Comparison> {
  const isUnknown = unknownIn(error)
  /** For each row the last version known to be written. */
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
    // A version that the sink does not call written is there only if it is reported.
    const isTold = version <= (atLeast.get(id) ?? -1) || isUnknown.has(version)
    if (!isGiven || !isTold || !isRight(row)) wrong++
  }
  for (const [id, version] of atLeast) {
    const got = stored.get(id)
    if (version < from) continue
    if (got === undefined) lost++
    else if (got < version) wrong++
  }
  // A row that nobody speaks of is lost, and one that is spoken of twice is wrong. Rows behind those that the sink took
  // wait in the stream, and are in the ranges as well.
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

/** Indexes of the rows that an error names as not known to be written. */
export function unknownIn(error: unknown): Set<number> {
  const unknown = new Set<number>()
  const ranges = error instanceof CassandraStreamsError ? (error.unacknowledged ?? []) : []
  for (const { from, to } of ranges) for (let index = from; index <= to; index++) unknown.add(index)
  return unknown
}
