import { randomBytes } from 'node:crypto'
import { finished as finish } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { Client, errors, policies, types } from 'cassandra-driver'
import { type CassandraWritable, createCassandraWritable } from '../../lib/index.ts'
import type { ClusterClock } from '../../lib/write/clusterClock.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { differences, selection, type TableRow } from './compare.ts'
import { columns, type History, historyOf, type Step } from './history.ts'
import { TABLE_TTL, tableAfter } from './model.ts'

/** Time limit of a request in milliseconds. In some histories a request exceeds it. */
const REQUEST_TIMEOUT_MS = 15_000

/** Error code of the native protocol. */
const READ_TIMEOUT = 0x1200

/** Maximum number of attempts to read the table after one history. */
const MOST_READS = 10

/** Largest apparent error of the cluster's clock in milliseconds. Small, because rows wait until their write time has come. */
const FURTHEST_MS = 200
let clockOffset = 0

/** Moves the clock of the cluster back and forth, as if its nodes did not agree on the time. */
function moveClock(by_ms: number): void {
  clockOffset = Math.max(-FURTHEST_MS, Math.min(by_ms + clockOffset, FURTHEST_MS))
  const registry = globalThis as { [key: symbol]: { clusters: ClusterClock[] } | undefined }
  for (const clock of registry[Symbol.for('cassandra-streams.clocks.1')]?.clusters ?? []) {
    clock.correct(clockOffset * 1000)
  }
}

/**
 * An error instead of a closed connection, for connections that carry other traffic. If driver 4.10 loses its control
 * connection twice in a row, it reads a property of null in an unhandled promise. If the second sink loses the connection over
 * which it reads its table, the sink fails, because opening is not retried.
 */
const failed = { code: faultCodes.serverError, message: 'closed on demand' }

interface Server {
  readonly host: string
  readonly port: number
  readonly localDataCenter: string
}

/**
 * Rare errors that break no promise. A row with a list has only as many attempts as write times. A row is blamed if the server
 * fails to store it for seconds while it stores others.
 */
const endings = {
  'out of attempts': /with a non-frozen list is sent/,
  'row blamed':
    /^RowError: Row \d+ \(counted from 0 in this stream\): Cassandra refuses it: (?:a fault on demand|closed on demand|Server failure)/,
}

type Ending = keyof typeof endings

export interface Outcome {
  readonly seed: number
  readonly rows: number
  readonly faults: number
  readonly differences: readonly string[]
  /** How the load ended. Tables are compared only if it finished. */
  readonly ending: 'finished' | Ending
}

/** `default_time_to_live` of each table. */
const tables = { long_lived: 0, short_lived: TABLE_TTL }

/** The kind of tables to use. */
export interface TableKind {
  /** Properties for CREATE TABLE. */
  readonly properties?: string
  /** Consistency of writes and reads. @default LOCAL_QUORUM to write, LOCAL_ONE to read */
  readonly consistency?: 'QUORUM'
}

/** Runs histories on a real server, several at a time. Each lane has its own proxy. */
export class Stage {
  readonly #server: Server
  readonly #kind: TableKind
  readonly #keyspace = `order_${randomBytes(4).toString('hex')}`
  readonly #client: Client
  #histories = 0

  private constructor(server: Server, kind: TableKind) {
    this.#server = server
    this.#kind = kind
    // Other specs may be dropping keyspaces with many tables.
    this.#client = clientOf(server, server, 120_000)
  }

  static async open(server: Server, kind: TableKind = {}): Promise<Stage> {
    const stage = new Stage(server, kind)
    await stage.#createTables()
    return stage
  }

  async close(): Promise<void> {
    // Cassandra 6 cannot drop a keyspace with transactional tables.
    for (const name of Object.keys(tables)) await this.#client.execute(`DROP TABLE ${this.#keyspace}.${name}`)
    await this.#client.execute(`DROP KEYSPACE ${this.#keyspace}`)
    await this.#client.shutdown()
  }

  /** Runs the histories of the seeds `first`, `first + 1` and so on. Stops at the first one that differs. */
  async run(
    first: number,
    count: number,
    lanes: number,
    tell: (outcome: Outcome) => void,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    const end = first + count
    let next = first
    const lane = async () => {
      const proxy = await CqlProxy.start(this.#server)
      const client = clientOf(proxy, this.#server)
      try {
        await client.connect()
        while (next < end) {
          const outcome = await this.#play(historyOf(next++), proxy, client)
          outcomes.push(outcome)
          tell(outcome)
          if (outcome.differences.length > 0) next = end
        }
      } finally {
        await client.shutdown()
        await proxy.stop()
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    return outcomes
  }

  async #play(history: History, proxy: CqlProxy, client: Client): Promise<Outcome> {
    const { seed, steps, sinks, options, tableHasTtl } = history
    const table = tableHasTtl ? 'short_lived' : 'long_lived'
    const partition = 2 * this.#histories++
    let faults = 0
    proxy.decide = write => {
      const fate = history.fateOf(write)
      if (fate !== undefined) faults++
      return fate?.answer === 'close' && write.besideOthers ? { ...fate, answer: failed } : fate
    }
    const open = () =>
      createCassandraWritable({
        client,
        keyspace: this.#keyspace,
        table,
        request_timeout_ms: REQUEST_TIMEOUT_MS,
        consistency: this.#kind.consistency ?? 'LOCAL_QUORUM',
        ...options,
      })
    const said: string[] = []
    let ending: Outcome['ending'] = 'finished'
    try {
      await write(Array.from({ length: sinks }, open), steps, partition)
      await proxy.deliverLate()
    } catch (error) {
      const names = Object.keys(endings) as Ending[]
      const known = names.find(name => endings[name].test(String(error)))
      if (known === undefined) said.push(`failed: ${error}`)
      else ending = known
    }
    const cql = `SELECT ${selection} FROM ${this.#keyspace}.${table} WHERE p IN (?, ?)`
    const rows = await this.#read(cql, [partition, partition + 1])
    const found: TableRow[] = rows.map(row => ({ ...row, p: row['p'] - partition }))
    if (said.length === 0 && ending === 'finished') {
      said.push(...differences(tableAfter(history), found, options.timestamp_column !== undefined))
    }
    return { seed, rows: steps.length, faults, differences: said, ending }
  }

  /** Reads with retries after a timeout of the server, because a busy transactional table answers late. */
  async #read(cql: string, binds: readonly number[]): Promise<types.Row[]> {
    const { consistency } = this.#kind
    const level = consistency === undefined ? {} : { consistency: types.consistencies.quorum }
    for (let tries = 1; ; tries++) {
      try {
        return (await this.#client.execute(cql, binds, { prepare: true, ...level })).rows
      } catch (error) {
        const isLate = error instanceof errors.ResponseError && error.code === READ_TIMEOUT
        if (!isLate || tries === MOST_READS) throw error
      }
    }
  }

  async #createTables(): Promise<void> {
    const strategy = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    await this.#client.execute(`CREATE KEYSPACE ${this.#keyspace} WITH replication = ${strategy}`)
    await this.#client.execute(`CREATE TYPE ${this.#keyspace}.place (x int, y int)`)
    const definition = [
      'p int, c int',
      ...Object.entries(columns.static).map(([name, type]) => `${name} ${type} static`),
      ...Object.entries(columns.regular).map(([name, type]) => `${name} ${type}`),
      'PRIMARY KEY (p, c)',
    ].join(', ')
    const properties = this.#kind.properties === undefined ? '' : ` AND ${this.#kind.properties}`
    for (const [name, ttl] of Object.entries(tables)) {
      const table = `${this.#keyspace}.${name}`
      await this.#client.execute(
        `CREATE TABLE ${table} (${definition}) WITH default_time_to_live = ${ttl}${properties}`,
      )
    }
  }
}

function clientOf(
  { host, port }: { host: string; port: number },
  { localDataCenter }: Server,
  readTimeout = 12_000,
): Client {
  return new Client({
    contactPoints: [`${host}:${port}`],
    localDataCenter,
    socketOptions: { readTimeout },
    // Three connections, because one of them is never closed. See `failed`.
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 3 } },
    policies: { reconnection: new policies.reconnection.ConstantReconnectionPolicy(5) },
  })
}

/** Gives the rows to their sinks in order. Resolves when all sinks have finished. */
async function write(sinks: CassandraWritable[], steps: readonly Step[], partition: number): Promise<void> {
  const finished = Promise.all(sinks.map(sink => finish(sink)))
  finished.catch(() => {
    for (const sink of sinks) sink.destroy()
  })
  for (const { row, sink, pause, clock_jump } of steps) {
    moveClock(clock_jump)
    sinks[sink]?.write({ ...row, p: Number(row['p']) + partition })
    for (let i = 0; i < pause; i++) await turn()
  }
  for (const sink of sinks) sink.end()
  await finished
  const counted = sinks.reduce((sum, { stats }) => sum + stats.rows_written + stats.rows_deleted, 0)
  if (counted !== steps.length) throw new Error(`${counted} of ${steps.length} rows acknowledged`)
}
