import type { Client } from 'cassandra-driver'
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

/** The size of one sink's statements. */
export interface StatementNeeds {
  /** Names its statements: sinks that write the same table in the same way have the same ones. */
  readonly statements: string
  readonly client: Client
  /** Markers of one row. */
  readonly binds: number
  /** Kinds of statements that are in use. */
  readonly operations: number
}

/** How many sinks are open with the same statements, by their cluster. */
const sinks = new WeakMap<object, Map<string, number>>()

/**
 * A sink's share of the caches of prepared statements of its cluster. Statements for many rows are large: those of 40 tables
 * with all row counts fill the cache of a server, which then evicts and prepares statements all the time.
 */
export class StatementShare {
  readonly #needs: StatementNeeds
  readonly #open: Map<string, number>
  #isReleased = false
  #kinds = 0
  #counts = allCounts

  /** @param cluster the same object for all sinks on one cluster */
  constructor(cluster: object, needs: StatementNeeds) {
    this.#needs = needs
    this.#open = sinks.get(cluster) ?? new Map()
    this.#open.set(needs.statements, (this.#open.get(needs.statements) ?? 0) + 1)
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
    const { statements } = this.#needs
    const left = (this.#open.get(statements) ?? 1) - 1
    if (left === 0) this.#open.delete(statements)
    else this.#open.set(statements, left)
  }

  #fits(counts: readonly number[]): boolean {
    const { client, binds, operations } = this.#needs
    const rows = counts.reduce((sum, count) => sum + count, 0)
    const bytes = counts.length * STATEMENT_BYTES + rows * (ROW_BYTES + binds * MARKER_BYTES)
    // The driver's types lack it.
    const { options } = client as unknown as { readonly options?: { readonly maxPrepared?: number } }
    const { maxPrepared = 500 } = options ?? {}
    return (
      operations * bytes * this.#kinds <= CACHE_BYTES &&
      operations * counts.length * this.#kinds <= maxPrepared * DRIVER_PART
    )
  }
}
