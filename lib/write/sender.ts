import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../cluster/fault.ts'
import { detach, type EncodedRow, writeTimeOf } from '../row/encodedRow.ts'
import type { OrderClock } from './clock.ts'
import type { Delivery } from './delivery.ts'
import type { Permit } from './permit.ts'
import { Queue } from './queue.ts'
import type { TableRequests } from './tableRequests.ts'

/** Tries after which rows that a server failed to store are no longer sent together. */
const FAILURES_TOGETHER = 3

/** Sends groups of rows until Cassandra acknowledges or refuses them. The driver's own retries are off. */
export class Sender {
  readonly #clock: OrderClock

  constructor(clock: OrderClock) {
    this.#clock = clock
  }

  /**
   * Resolves when every row is acknowledged or reported as refused.
   * @param rows of one table, as its requests are
   * @param permit held now; it is given back between tries
   * @throws what no retry can mend, or WriteError `ERR_CASSANDRA_RETRY_TIMEOUT`.
   */
  send(rows: readonly EncodedRow[], requests: TableRequests, permit: Permit): Promise<void> {
    return this.#clock.isAhead && requests.keepsArrival
      ? this.#writeTime(rows, requests.signal).then(() => this.#send(rows, requests, permit))
      : this.#send(rows, requests, permit)
  }

  /** Nearly every request is acknowledged: here it costs one promise, where `await` at each step would make several. */
  #send(rows: readonly EncodedRow[], requests: TableRequests, permit: Permit): Promise<void> {
    return new Promise((resolve, reject) => {
      const sent = performance.now()
      const delivery = requests.delivery(rows, sent)
      requests.try(delivery, '', sent, error => {
        if (error === undefined) {
          permit.succeeded(performance.now() - sent, sent)
          resolve()
        } else this.#sendAgain(error, { delivery, requests, permit }, sent).then(resolve, reject)
      })
    })
  }

  async #sendAgain(first: unknown, shipment: Shipment, sent: number): Promise<void> {
    const { requests, permit } = shipment
    const waiting = new Queue<Delivery>()
    const add = async (error: unknown, tried: Delivery, at: number) => {
      for (const part of await this.#afterFault(error, { ...shipment, delivery: tried }, at))
        waiting.push(part)
    }
    await add(first, shipment.delivery, sent)
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const now = performance.now()
      const tried = next
      const error = await new Promise(resolve => requests.try(tried, '', now, resolve))
      if (error === undefined) permit.succeeded(performance.now() - now, now)
      else await add(error, next, now)
    }
  }

  /** What is to be sent after a try that failed. */
  async #afterFault(
    error: unknown,
    { delivery, requests, permit }: Shipment,
    sent: number,
  ): Promise<readonly Delivery[]> {
    const { signal, tally } = requests
    // Nobody waits for these rows any more, and they are counted.
    signal.throwIfAborted()
    delivery.tries++
    const diagnosis = await requests.diagnose(error, delivery)
    if (diagnosis === undefined) return []
    signal.throwIfAborted()
    const { fault, reason } = diagnosis
    if (fault === 'failure') delivery.failed()
    const lastStored = Math.min(permit.lastStored, requests.lastStored)
    if (isNarrowed(fault, delivery, lastStored) && (await mayBeNarrowed(fault, delivery, requests))) {
      return narrow(delivery, requests, reason)
    }
    permit.failed(fault, sent)
    const wait_ms = delivery.waitAfter(reason)
    requests.retries(delivery, wait_ms, reason)
    detach(delivery.rows)
    tally.groupPaused()
    await permit.pause(wait_ms, delivery.usesWriteTimes(reason), signal).finally(() => tally.groupResumed())
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

/** Rows on their way, and what sending them needs. */
interface Shipment {
  readonly delivery: Delivery
  readonly requests: TableRequests
  readonly permit: Permit
}

/**
 * Whether the rows go on in smaller requests, so that the one to blame is found.
 * @param lastStored when the last request left whose rows the same replica set and table store
 */
function isNarrowed(fault: Fault, delivery: Delivery, lastStored: number): boolean {
  if (fault === 'split' || fault === 'row') return true
  if (fault !== 'failure' || delivery.failures < FAILURES_TOGETHER) return false
  return delivery.rows.length > 1 || delivery.isToBlame(lastStored)
}

/**
 * A server also fails to store the rows of a table that is gone: no row is to blame for that.
 * @throws SchemaError
 */
async function mayBeNarrowed(fault: Fault, delivery: Delivery, requests: TableRequests): Promise<boolean> {
  return fault !== 'failure' || delivery.rows.length > 1 || (await requests.isTableKept(delivery))
}

/** The halves of a refused group, down to the row that is the reason. */
async function narrow(delivery: Delivery, requests: TableRequests, error: unknown): Promise<Delivery[]> {
  const { rows } = delivery
  const [only] = rows
  if (rows.length === 1 && only !== undefined) {
    await requests.refuse(delivery, error)
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
