import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import { CassandraStreamsError, type CassandraWritable } from '../../lib/index.ts'

/** Rows that are written again and again, each time with a higher version. */
const UPDATED = 100

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
  #given = 0
  #isOver = false

  /** @param pace rows per second, as long as the sink takes them */
  constructor(sink: CassandraWritable, pace: number) {
    this.sink = sink
    const from = performance.now()
    const load = pipeline(Readable.from(this.#rows(pace)), sink).then(
      () => undefined,
      (error: unknown) => error,
    )
    this.ended = load.then(error => ({
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
    const from = performance.now()
    while (!this.#isOver) {
      const ahead_ms = (this.#given / pace) * 1000 - (performance.now() - from)
      if (ahead_ms > 20) await delay(ahead_ms)
      yield rowOf(this.#given++)
    }
  }
}

/** What became of the rows of a load. */
export interface Comparison {
  readonly rows: number
  /** Rows said to be written of which the table has neither this version nor a later one. */
  readonly lost: number
  /** Rows of the table that nobody gave, or that an older version has won. */
  readonly wrong: number
  /** Rows that the error names as not known to be written. */
  readonly reported: number
}

/** What a sink counts of the rows that are done with. */
type Counted = Pick<CassandraWritable['stats'], 'rows_written' | 'rows_deleted' | 'rows_set_aside'>

/** Compares the whole table with what the sink says of each row. */
export async function compare(
  client: Client,
  table: string,
  { given, error }: Ended,
  { stats }: { readonly stats: Counted },
): Promise<Comparison> {
  const unknown = error instanceof CassandraStreamsError ? (error.unacknowledged ?? []) : []
  const isUnknown = new Set<number>()
  for (const { from, to } of unknown) for (let index = from; index <= to; index++) isUnknown.add(index)
  const stored = new Map<number, number>()
  const found = await client.execute(`SELECT id, version FROM ${table}`, [], {
    fetchSize: 5_000,
    readTimeout: 120_000,
  })
  for await (const { id, version } of found) stored.set(id, version)
  /** For each row the last version known to be written. */
  const atLeast = new Map<number, number>()
  for (let index = 0; index < given; index++) {
    if (!isUnknown.has(index)) atLeast.set(rowOf(index).id, index)
  }
  let lost = 0
  let wrong = 0
  for (const [id, version] of atLeast) {
    const got = stored.get(id)
    if (got === undefined) lost++
    else if (got < version) wrong++
  }
  for (const [id, version] of stored) {
    if (version >= given || rowOf(version).id !== id) wrong++
    else if (version > (atLeast.get(id) ?? -1) && !isUnknown.has(version)) wrong++
  }
  // A count that does not add up is a row that nobody speaks of.
  const spokenOf = stats.rows_written + stats.rows_deleted + stats.rows_set_aside + isUnknown.size
  return { rows: given, lost: lost + Math.max(0, given - spokenOf), wrong, reported: isUnknown.size }
}
