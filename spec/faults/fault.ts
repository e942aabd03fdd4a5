import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import {
  CassandraStreamsError,
  type CassandraWritableOptions,
  createCassandraWritable,
} from '../../lib/index.ts'
import type { Cassandra } from '../../lib/testing/index.ts'
import {
  blameless,
  type Comparison,
  compare,
  DEFINITION,
  type Ended,
  type Expectation,
  Load,
  unknownIn,
} from './load.ts'
import type { FaultResult } from './result.ts'

/** Ends a hang, in milliseconds. */
const DEADLINE_MS = 120_000

/** Maximum number of rows in the queue of the stream, and the one that the sink is taking. */
const IN_QUEUE = 17

/** A node and the means to make faults. */
export interface Stage {
  /** A client of a superuser. */
  readonly client: Client
  readonly target: { readonly host: string; readonly port: number; readonly keyspace: string }
  readonly localDataCenter: string
  /** A node for this campaign only, which may be killed. */
  readonly cassandra?: Cassandra
  /** Opens another client of a superuser. */
  readonly connect?: () => Client
  /** Changes a guardrail while the node runs. The names and values are those of `nodetool setguardrailsconfig`. */
  readonly setGuardrail?: (name: string, ...values: unknown[]) => Promise<void>
  /** A random number from 0 to below 1. */
  readonly random: () => number
}

/** The result of one load with a fault. */
export interface Run extends Comparison {
  readonly took_ms: number
  /** Reasons why the promise does not hold. */
  readonly problems: readonly string[]
}

export interface Fault {
  readonly name: string
  readonly promise: string
  readonly run: (stage: Stage) => Promise<Run>
}

/** The rows of a load. */
interface Rows {
  /** Columns and key of the table. */
  readonly definition?: string
  readonly pace?: number
  readonly more?: (index: number) => object
  /** Whether a row is to blame for the fault. Such a load has no `on_bad_row`, since the error must name the row. */
  readonly isToBlame?: boolean
}

/** The expected end of a load with a fault. */
export interface Ending extends Expectation {
  /** Codes of errors that may end it. `undefined` if it may store all rows. */
  readonly codes: readonly (string | undefined)[]
  /** What the error message must contain. */
  readonly says?: RegExp
  /** Other problems that the fault found. */
  readonly problems?: readonly (string | false)[]
}

/** Rows per second. Fast enough that requests overlap, and slow enough that many loads share a node. */
const PACE = 500

let tables = 0

/** One load into its own table. */
export class Trial {
  readonly table: string
  readonly load: Load
  readonly #stage: Stage

  private constructor(stage: Stage, table: string, load: Load) {
    this.#stage = stage
    this.table = table
    this.load = load
  }

  /** Half of the loads have an `on_bad_row`, which must not be called. */
  static async begin(
    stage: Stage,
    options: Partial<CassandraWritableOptions> = {},
    { definition = DEFINITION, pace = PACE, more, isToBlame = false }: Rows = {},
  ): Promise<Trial> {
    const name = `f${++tables}`
    const table = `${stage.target.keyspace}.${name}`
    await stage.client.execute(`CREATE TABLE ${table} (${definition})`)
    const { keyspace, ...node } = stage.target
    const target = options.client === undefined ? node : {}
    const sink = createCassandraWritable({
      ...target,
      keyspace,
      table: name,
      // Small, so that few rows wait in the sink.
      rows_per_batch: 50,
      ...(!isToBlame && stage.random() < 0.5 && { on_bad_row: blameless }),
      ...options,
    })
    return new Trial(stage, table, new Load(sink, pace, more))
  }

  get written(): number {
    return this.load.sink.stats.rows_written
  }

  /** Resolves when this many more rows are written, or when the load is over. */
  async goesOn(rows: number): Promise<void> {
    await this.#untilWritten(this.written + rows)
  }

  /** Resolves when this many more requests were sent again, or when the load is over. */
  async retries(requests: number): Promise<void> {
    const until = this.load.sink.stats.retries + requests
    await this.#until(() => this.load.sink.stats.retries >= until, `retries up to ${until}`)
  }

  /** Resolves when rows that are given from now on are written, or when the load is over. */
  async recovers(rows = 100): Promise<void> {
    await this.#untilWritten(this.load.given + rows)
  }

  /** Resolves when all given rows are written and the source waits, or when the load is over. The function lets it continue. */
  async settles(): Promise<() => void> {
    const go = this.load.hold()
    await this.#untilWritten(this.load.given)
    return go
  }

  /** Ends the load and compares the whole table. */
  async end(
    { codes, says, problems = [], ...expectation }: Ending,
    client = this.#stage.client,
  ): Promise<Run> {
    const { load } = this
    // A load that must fail continues until it does.
    const ended = await this.#inTime(codes.includes(undefined) ? load.stop() : load.ended)
    if (ended === undefined) {
      load.sink.destroy()
      return { rows: load.given, lost: 0, wrong: 0, reported: 0, took_ms: 0, problems: ['it hangs'] }
    }
    const compared = await compare(client, this.table, ended, load.sink, expectation)
    const { lost, wrong, rows } = compared
    const found = [
      ...problems,
      rows === 0 && 'no rows',
      lost > 0 && `${lost} lost`,
      wrong > 0 && `${wrong} wrong`,
      ...wrongWith(ended, codes, says),
    ]
    const took_ms = ended.took_ms
    return { ...compared, took_ms, problems: found.filter(problem => problem !== false) }
  }

  async #untilWritten(rows: number): Promise<void> {
    await this.#until(() => this.written >= rows, `${rows} rows`)
  }

  async #until(isReached: () => boolean, what: string): Promise<void> {
    const reaches = async () => {
      while (!isReached() && !this.load.sink.closed) await delay(5)
    }
    const isThere = await this.#inTime(Promise.race([reaches(), this.load.ended]).then(() => true))
    if (isThere !== undefined) return
    this.load.sink.destroy()
    throw new Error(`${this.table} has not got ${what} in time`)
  }

  async #inTime<T>(promise: Promise<T>): Promise<T | undefined> {
    const inTime = new AbortController()
    const late = delay(DEADLINE_MS, undefined, { signal: inTime.signal }).catch(() => undefined)
    return await Promise.race([promise, late]).finally(() => inTime.abort())
  }
}

/** Problems with the end of a load. */
function wrongWith({ error, given }: Ended, codes: Ending['codes'], says = /./): (string | false)[] {
  if (error === undefined) return [!codes.includes(undefined) && `no error, expected ${codes.join(' or ')}`]
  if (!(error instanceof CassandraStreamsError)) return [`ended by ${error}`]
  const { code, message, counts } = error
  const unknown = [...unknownIn(error)]
  const accepted = unknown.filter(index => index < given).length
  return [
    !codes.includes(code) && `${code}: ${message}`,
    !says.test(message) && `it does not say what is wrong: ${message}`,
    counts?.rows_accepted !== given && `rows_accepted ${counts?.rows_accepted} of ${given}`,
    counts?.rows_failed !== accepted && `rows_failed ${counts?.rows_failed}, but ${accepted} unacknowledged`,
    Math.max(...unknown) >= given + IN_QUEUE && `row ${Math.max(...unknown)} of ${given} unacknowledged`,
  ]
}

/** One result for all runs of a fault. */
export function resultOf({ name, promise }: Fault, runs: readonly Run[]): FaultResult {
  const sum = (count: (run: Run) => number) => runs.reduce((total, run) => total + count(run), 0)
  return {
    fault: name,
    promise,
    runs: runs.length,
    rows: sum(({ rows }) => rows),
    lost: sum(({ lost }) => lost),
    wrong: sum(({ wrong }) => wrong),
    reported: sum(({ reported }) => reported),
    took_ms: sum(({ took_ms }) => took_ms),
  }
}
