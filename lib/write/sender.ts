import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../cluster/fault.ts'
import { type EncodedRow, writeTimeOf } from '../row/encodedRow.ts'
import type { OrderClock } from './clock.ts'
import type { Delivery } from './delivery.ts'
import { Queue } from './queue.ts'
import type { TableRequests } from './tableRequests.ts'

/** Tries after which rows that a server failed to store are no longer sent together. */
const FAILURES_TOGETHER = 3

/** What a sender tells of the cluster. */
interface SenderListener {
  /** A request was acknowledged after so many milliseconds. */
  answered(latency: number): void
  /** A server had too much to do, or did not answer in time, with a request sent at this `performance.now()`. */
  overloaded(sent: number): void
}

/** Sends groups of rows until Cassandra acknowledges or refuses them. The driver's own retries are off. */
export class Sender {
  readonly #clock: OrderClock
  readonly #listener: SenderListener

  constructor(clock: OrderClock, listener: SenderListener) {
    this.#clock = clock
    this.#listener = listener
  }

  /**
   * Resolves when every row is acknowledged or reported as refused.
   * @param rows of one table, as its requests are
   * @throws what no retry can mend, or WriteError `ERR_CASSANDRA_RETRY_TIMEOUT`.
   */
  send(rows: readonly EncodedRow[], requests: TableRequests): Promise<void> {
    return this.#clock.isAhead && requests.keepsArrival
      ? this.#writeTime(rows, requests.signal).then(() => this.#send(rows, requests))
      : this.#send(rows, requests)
  }

  /** Nearly every request is acknowledged: here it costs one promise, where `await` at each step would make several. */
  #send(rows: readonly EncodedRow[], requests: TableRequests): Promise<void> {
    return new Promise((resolve, reject) => {
      const { acknowledged } = requests.tally
      const sent = performance.now()
      const delivery = requests.delivery(rows, sent)
      requests.try(delivery, '', sent, error => {
        if (error === undefined) {
          this.#listener.answered(performance.now() - sent)
          resolve()
        } else this.#sendAgain(error, delivery, requests, sent, acknowledged).then(resolve, reject)
      })
    })
  }

  /** @param acknowledged how many rows were acknowledged before the first try */
  async #sendAgain(
    first: unknown,
    delivery: Delivery,
    requests: TableRequests,
    sent: number,
    acknowledged: number,
  ): Promise<void> {
    const waiting = new Queue<Delivery>()
    const add = async (error: unknown, tried: Delivery, at: number) => {
      for (const part of await this.#afterFault(error, tried, requests, at, acknowledged)) waiting.push(part)
    }
    await add(first, delivery, sent)
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const now = performance.now()
      const tried = next
      const error = await new Promise(resolve => requests.try(tried, '', now, resolve))
      if (error === undefined) this.#listener.answered(performance.now() - now)
      else await add(error, next, now)
    }
  }

  /**
   * What is to be sent after a try that failed.
   * @param acknowledged how many rows were acknowledged before the first try of these
   */
  async #afterFault(
    error: unknown,
    delivery: Delivery,
    requests: TableRequests,
    sent: number,
    acknowledged: number,
  ): Promise<readonly Delivery[]> {
    const { signal, tally } = requests
    // Nobody waits for these rows any more, and they are counted.
    signal.throwIfAborted()
    delivery.tries++
    const diagnosis = await requests.diagnose(error, delivery)
    if (diagnosis === undefined) return []
    signal.throwIfAborted()
    const { fault, reason } = diagnosis
    if (fault === 'slow') this.#listener.overloaded(sent)
    if (fault === 'failure') delivery.failures++
    // A row alone is to blame only when the server stores others meanwhile.
    if (isNarrowed(fault, delivery, tally.acknowledged > acknowledged)) {
      return narrow(delivery, requests, reason)
    }
    await delivery.wait(reason, signal)
    delivery.repeat(reason)
    tally.requestRepeated()
    return [delivery]
  }

  /** Nothing stands in the table with a write time that has not come: it would hide what others write until then. */
  async #writeTime(rows: readonly EncodedRow[], signal: AbortSignal): Promise<void> {
    while (this.#clock.isAhead) {
      let latest = 0
      for (const row of rows) latest = Math.max(latest, writeTimeOf(row))
      const left = latest - this.#clock.now()
      if (left <= 0) return
      await delay(Math.ceil(left / 1000), undefined, { signal })
    }
  }
}

/**
 * Whether the rows go on in smaller requests, so that the one to blame is found.
 * @param othersAreStored whether rows of the same table were acknowledged meanwhile
 */
function isNarrowed(fault: Fault, delivery: Delivery, othersAreStored: boolean): boolean {
  if (fault === 'split' || fault === 'row') return true
  if (fault !== 'failure' || delivery.failures < FAILURES_TOGETHER) return false
  return delivery.rows.length > 1 || (othersAreStored && delivery.isOld)
}

/** The halves of a refused group, down to the row that is the reason. */
function narrow(delivery: Delivery, requests: TableRequests, error: unknown): Delivery[] {
  const { rows } = delivery
  const [only] = rows
  if (rows.length === 1 && only !== undefined) {
    requests.refuse(only, error)
    return []
  }
  delivery.repeat(error)
  const parts: Delivery[] = []
  for (let from = 0; from < rows.length; ) {
    const most = Math.min(rows.length - from, Math.ceil(rows.length / 2))
    const to = from + (only?.statement.rowsFor(most) ?? 1)
    parts.push(delivery.part(from, to))
    from = to
  }
  return parts
}
