/** A transaction that was aborted. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

/** Byte at which the key of a control record has its type, and the type that aborts a transaction. */
const KIND_AT = 2
const ABORT = 0

/** Which producers' transactions are aborted, while a log is read in the order of its offsets. */
export class AbortedTransactions {
  /** In the order in which they begin. A broker lists them in the order in which they end. */
  readonly #transactions: readonly AbortedTransaction[]
  /** Producers whose current transaction is aborted later in the log. */
  readonly #aborting = new Set<bigint>()
  #at = 0

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = [...transactions].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  }

  /** The log is read up to this offset. */
  reach(offset: bigint): void {
    for (;;) {
      const next = this.#transactions[this.#at]
      if (next === undefined || next.firstOffset > offset) return
      this.#aborting.add(next.producerId)
      this.#at++
    }
  }

  /** Whether messages of a transaction of this producer are aborted, at this place of the log. */
  has(producerId: bigint): boolean {
    return this.#aborting.has(producerId)
  }

  /** A control record with this key ends the transaction of a producer. */
  end(producerId: bigint, key: Buffer | null | undefined): void {
    if (key?.readInt16BE(KIND_AT) === ABORT) this.#aborting.delete(producerId)
  }
}
