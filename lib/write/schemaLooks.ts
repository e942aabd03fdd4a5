import { setTimeout as delay } from 'node:timers/promises'
import type { DoubtfulRow } from './doubtfulRow.ts'

/** Average milliseconds between two looks at the schema that rows or statements ask for. */
export const PACE_MS = 1_000

/** Looks at the schema that need not wait. */
const BURST = 5

/** A look that has not started, and the rows that ask for it. */
interface PendingLook {
  readonly rows: DoubtfulRow[]
  readonly done: Promise<void>
}

/**
 * Reads the schema at a limited pace, so that rows with bad names cannot keep a server busy. All callers before a look share it.
 * One look per caller would make the last of N callers wait N seconds.
 */
export class SchemaLooks {
  readonly #look: (rows: readonly DoubtfulRow[]) => Promise<void>
  readonly #signal: AbortSignal
  #pending: PendingLook | undefined
  #next = Number.NEGATIVE_INFINITY

  /** @param look reads the schema for these rows */
  constructor(look: (rows: readonly DoubtfulRow[]) => Promise<void>, signal: AbortSignal) {
    this.#look = look
    this.#signal = signal
  }

  /** Resolves when a look that starts after this call has ended, whether or not a server answered. Never rejects. */
  ask(row?: DoubtfulRow): Promise<void> {
    this.#pending ??= this.#begin()
    if (row !== undefined) this.#pending.rows.push(row)
    return this.#pending.done
  }

  #begin(): PendingLook {
    const rows: DoubtfulRow[] = []
    const done = this.#turn()
      // A later caller may know of a later change.
      .finally(() => {
        this.#pending = undefined
      })
      .then(() => this.#look(rows))
      .catch(() => {})
    return { rows, done }
  }

  async #turn(): Promise<void> {
    const now = performance.now()
    this.#next = Math.max(this.#next, now - BURST * PACE_MS) + PACE_MS
    const wait = this.#next - now
    if (wait > 0) await delay(wait, undefined, { signal: this.#signal })
  }
}
