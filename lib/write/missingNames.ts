import { PACE_MS } from './schemaLooks.ts'

/** Maximum number of names that are remembered. With more, all unknown names count as missing for the same time. */
const MOST_NAMES = 10

/** Milliseconds for which a name counts as missing, at most. */
const MOST_MS = 2_000

/**
 * Names in rows that the table lacked at the last look at the schema. They count as missing for a while, because rows that are
 * set aside must not wait for one look each.
 */
export class MissingNames {
  readonly #names = new Set<string | undefined>()
  /** By `performance.now()`. */
  #until = 0

  add(name: string | undefined): void {
    if (this.#names.size < MOST_NAMES) this.#names.add(name)
  }

  has(name: string | undefined): boolean {
    if (performance.now() >= this.#until) return false
    return this.#names.has(name) || this.#names.size === MOST_NAMES
  }

  /** A look for missing names has ended. */
  looked(begun: number): void {
    const now = performance.now()
    // Looks are slow while nodes disagree. Without this pause they would take up all of the stream's time.
    this.#until = now + Math.min(MOST_MS, Math.max(PACE_MS, now - begun))
  }

  clear(): void {
    this.#names.clear()
  }
}
