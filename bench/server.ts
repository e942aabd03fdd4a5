import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, types } from 'cassandra-driver'
import { startCassandra } from '../lib/testing/index.ts'
import type { DataSet } from './rows.ts'

export const KEYSPACE = 'bench'

/** Thread pools of a node that may still work after the last answer. */
const BACKGROUND = new Set([
  'MutationStage',
  'MemtableFlushWriter',
  'MemtablePostFlush',
  'CompactionExecutor',
])

const SETTLE_POLL_MS = 200
const SETTLED_POLLS = 3
const SETTLE_LIMIT_MS = 120_000

/** Warnings about batches in the server's log. */
const BATCH_WARNING = /^WARN.*(?:Unlogged batch covering|Batch (?:for|of) .*size|specified threshold)/

/** Rows that one count can read within the server's time limit. */
const ROWS_PER_COUNT = 20_000

export interface Access {
  readonly contactPoints: readonly string[]
  readonly localDataCenter: string
  readonly port: number
}

/** A real Cassandra with the tables of a benchmark. */
export class BenchServer implements AsyncDisposable {
  readonly access: Access
  readonly nodes: number
  /** Log files of the nodes. None if the server was not started here. */
  readonly logs: readonly string[]
  readonly #client: Client
  readonly #stop: () => Promise<void>

  private constructor(
    access: Access,
    nodes: number,
    logs: readonly string[],
    client: Client,
    stop: () => Promise<void>,
  ) {
    this.access = access
    this.nodes = nodes
    this.logs = logs
    this.#client = client
    this.#stop = stop
  }

  /** Starts `nodes` nodes, or uses those in `CASSANDRA_CONTACT_POINTS`. Each row is on all of them. */
  static async start(nodes: number, durable = false): Promise<BenchServer> {
    const cassandra = await startCassandra({ nodes, durable })
    const { contactPoints, localDataCenter, port, logs = [] } = cassandra
    const client = new Client({
      contactPoints,
      localDataCenter,
      protocolOptions: { port },
      queryOptions: { consistency: types.consistencies.localQuorum },
      socketOptions: { readTimeout: 60_000 },
    })
    await client.connect()
    await client.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`)
    await client.execute(
      `CREATE KEYSPACE ${KEYSPACE} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': ${nodes}}`,
    )
    const stop = async () => {
      await client.execute(`DROP KEYSPACE ${KEYSPACE}`).catch(() => {})
      await client.shutdown()
      await cassandra.stop()
    }
    return new BenchServer({ contactPoints, localDataCenter, port }, nodes, logs, client, stop)
  }

  async createTable(
    name: string,
    { columns, primaryKey }: Pick<DataSet, 'columns' | 'primaryKey'>,
  ): Promise<void> {
    const list = Object.entries(columns).map(([column, type]) => `${column} ${type}`)
    await this.#client.execute(`DROP TABLE IF EXISTS ${KEYSPACE}.${name}`)
    await this.#client.execute(`CREATE TABLE ${KEYSPACE}.${name} (${list}, PRIMARY KEY (${primaryKey}))`)
  }

  async truncate(table: string): Promise<void> {
    await this.#client.execute(`TRUNCATE ${KEYSPACE}.${table}`)
    await this.settle()
  }

  /** Waits until no node has background work left. */
  async settle(): Promise<void> {
    const limit = performance.now() + SETTLE_LIMIT_MS
    let quiet = 0
    while (quiet < SETTLED_POLLS) {
      if (performance.now() > limit)
        throw new Error('The server still has background work after the time limit')
      quiet = (await this.#tasks()) === 0 ? quiet + 1 : 0
      await delay(SETTLE_POLL_MS)
    }
  }

  async #tasks(): Promise<number> {
    const cql = 'SELECT name, active_tasks, pending_tasks FROM system_views.thread_pools'
    const hosts = this.#client.hosts.values()
    const answers = await Promise.all(
      hosts.map(host => this.#client.execute(cql, [], { host, consistency: types.consistencies.one })),
    )
    return answers
      .flatMap(({ rows }) => rows)
      .filter(row => BACKGROUND.has(String(row['name'])))
      .reduce((sum, row) => sum + Number(row['active_tasks']) + Number(row['pending_tasks']), 0)
  }

  /** Number of rows with partition key `id`, counted in slices of the ring. */
  async count(table: string, expected: number): Promise<number> {
    const slices = BigInt(Math.max(1, Math.ceil(expected / ROWS_PER_COUNT)))
    const cql = `SELECT count(*) AS rows FROM ${KEYSPACE}.${table} WHERE token(id) > ? AND token(id) <= ?`
    let total = 0
    for (let i = 0n; i < slices; i++) {
      const bounds = [i, i + 1n].map(at => tokenAt(at, slices))
      const { rows } = await this.#client.execute(cql, bounds, { prepare: true })
      total += Number(rows[0]?.['rows'])
    }
    return total
  }

  /** Warnings about batches in the logs so far. Undefined if there is no log to read. */
  async batchWarnings(): Promise<string[] | undefined> {
    if (this.logs.length === 0) return undefined
    const texts = await Promise.all(this.logs.map(file => readFile(file, 'utf8')))
    return texts.flatMap(text => text.split('\n')).filter(line => BATCH_WARNING.test(line))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop()
  }
}

/** The token at `part` of `parts` of the ring. */
function tokenAt(part: bigint, parts: bigint): types.Long {
  return types.Long.fromString(String(-(2n ** 63n) + (part * (2n ** 64n - 1n)) / parts))
}
