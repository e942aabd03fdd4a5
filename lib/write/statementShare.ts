import type { Client } from 'cassandra-driver'
import type { OperationName } from '../table/operations.ts'
import { allCounts } from '../table/statement.ts'

/**
 * Bytes of a server's cache of prepared statements that the sinks of this process share. The cache has at least 10 MiB, and
 * other clients need some of it.
 */
const CACHE_BYTES = 6 * 1024 * 1024

/** Share of the driver's own list of statements that sinks use. A statement that the driver forgets is prepared again. */
const DRIVER_PART = 0.8

/** Measured on Cassandra 5.0: bytes of a cached statement, of each row in it, and of each marker in a row. */
const STATEMENT_BYTES = 2_400
const ROW_BYTES = 100
const MARKER_BYTES = 210

/** Choices of row counts for a table, by its room in the caches. */
const choices: readonly (readonly number[])[] = [
  allCounts,
  [50, 20, 10, 5, 2, 1],
  [20, 10, 5, 2, 1],
  [20, 5, 1],
  [10, 3, 1],
  [10, 1],
  [5, 1],
  [1],
]

/** The statements that one sink may prepare. */
export interface StatementNeeds {
  readonly client: Client
  readonly keyspace: string
  readonly table: string
  /** What the sink's options say about the time to live: it is part of the text of a statement. */
  readonly ttl: number | string | undefined
  /** Operations that rows may ask for. Each has its own statements. */
  readonly operations: readonly OperationName[]
  /** Markers of one row. */
  readonly binds: number
}

/**
 * Open sinks per kind of statement, by their cluster. A kind is one operation on one table with one time to live. Sinks that
 * use the same kind share its prepared statements.
 */
const sinks = new WeakMap<object, Map<string, number>>()

/**
 * A sink's share of the caches of prepared statements of its cluster. Statements for many rows are large: those of 40 tables
 * with all row counts fill the cache of a server, which then evicts and prepares statements all the time.
 */
export class StatementShare {
  readonly #needs: StatementNeeds
  readonly #open: Map<string, number>
  readonly #own: readonly string[]
  #isReleased = false
  #kinds = 0
  #counts = allCounts

  /** @param cluster the same object for all sinks on one cluster */
  constructor(cluster: object, needs: StatementNeeds) {
    this.#needs = needs
    this.#open = sinks.get(cluster) ?? new Map()
    this.#own = kindsOf(needs)
    for (const kind of this.#own) this.#open.set(kind, (this.#open.get(kind) ?? 0) + 1)
    sinks.set(cluster, this.#open)
  }

  /** Row counts for which statements may be prepared now, largest first. */
  get counts(): readonly number[] {
    if (this.#kinds !== this.#open.size) {
      this.#kinds = this.#open.size
      this.#counts = choices.find(counts => this.#fits(counts)) ?? [1]
    }
    return this.#counts
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    for (const kind of this.#own) {
      const left = (this.#open.get(kind) ?? 1) - 1
      if (left === 0) this.#open.delete(kind)
      else this.#open.set(kind, left)
    }
  }

  #fits(counts: readonly number[]): boolean {
    const { client, binds } = this.#needs
    const rows = counts.reduce((sum, count) => sum + count, 0)
    const bytes = counts.length * STATEMENT_BYTES + rows * (ROW_BYTES + binds * MARKER_BYTES)
    // The driver's types lack it.
    const { options } = client as unknown as { readonly options?: { readonly maxPrepared?: number } }
    const { maxPrepared = 500 } = options ?? {}
    return bytes * this.#kinds <= CACHE_BYTES && counts.length * this.#kinds <= maxPrepared * DRIVER_PART
  }
}

function kindsOf({ keyspace, table, ttl, operations }: StatementNeeds): readonly string[] {
  return operations.map(operation => JSON.stringify([keyspace, table, ttl, operation]))
}
