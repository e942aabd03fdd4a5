import type { Fault } from '../cluster/fault.ts'
import { pauses } from '../cluster/pauses.ts'
import { detach, type EncodedRow, writeTimeOf } from '../row/encodedRow.ts'
import type { OrderClock } from './clock.ts'
import type { Delivery } from './delivery.ts'
import type { Permit } from './permit.ts'
import { Queue } from './queue.ts'
import type { TableRequests } from './tableRequests.ts'

/** Attempts after which rows that a server failed to store are no longer sent together. */
const FAILURES_TOGETHER = 3

/** Sends groups of rows until Cassandra acknowledges or refuses them. The driver's own retries are off. */
export class Sender {
  readonly #clock: OrderClock

  constructor(clock: OrderClock) {
    this.#clock = clock
  }

  /**
   * Resolves when every row is acknowledged or reported as refused.
   * @param rows of the same table as `requests`
   * @param permit held now, and given back between attempts
   * @throws the error of a fault that no retry can fix, or WriteError `ERR_CASSANDRA_RETRY_TIMEOUT`.
   */
  send(rows: readonly EncodedRow[], requests: TableRequests, permit: Permit): Promise<void> {
    if (!this.#clock.isAhead || !requests.keepsArrival) return this.#send(rows, requests, permit)
    requests.hold(rows)
    return this.#writeTime(rows, requests.signal).then(() => this.#send(rows, requests, permit))
  }

  /** A fast path, because nearly every request is acknowledged. It makes one promise; `await` at each step would make several. */
  #send(rows: readonly EncodedRow[], requests: TableRequests, permit: Permit): Promise<void> {
    return new Promise((resolve, reject) => {
      const sent = performance.now()
      const delivery = requests.delivery(rows, sent)
      requests.try(delivery, '', sent, error => {
        if (error === undefined) {
          permit.succeeded(performance.now() - sent, sent)
          resolve()
        } else {
          const shipment = { delivery, requests, permit, waiting: new Queue<Delivery>() }
          this.#sendAgain(error, shipment, sent).then(resolve, reject)
        }
      })
    })
  }

  async #sendAgain(first: unknown, shipment: Shipment, sent: number): Promise<void> {
    const { requests, permit, waiting } = shipment
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

  /** The deliveries to send after a failed attempt. */
  async #afterFault(error: unknown, shipment: Shipment, sent: number): Promise<readonly Delivery[]> {
    const { delivery, requests, permit } = shipment
    const { signal, tally } = requests
    // Nobody waits for these rows any more, and they are already counted.
    signal.throwIfAborted()
    delivery.tries++
    const diagnosis = await requests.diagnose(error, delivery)
    if (diagnosis === undefined) return []
    signal.throwIfAborted()
    const { fault, reason } = diagnosis
    if (fault === 'failure') delivery.failed(sent)
    const lastStored = Math.min(permit.lastStored, requests.lastStored)
    if (isNarrowed(fault, delivery, lastStored) && (await mayBeNarrowed(fault, delivery, requests))) {
      return narrow(shipment, reason)
    }
    if (delivery.failures >= FAILURES_TOGETHER) permit.suspect()
    permit.failed(fault, sent)
    const wait_ms = delivery.waitAfter(reason, sent)
    requests.retries(delivery, wait_ms, reason)
    detach(delivery.rows)
    tally.groupPaused()
    const pause = permit.pause(wait_ms, delivery.usesWriteTimes(reason), signal)
    const heldUp_ms = await pause.finally(() => tally.groupResumed())
    for (const part of [delivery, ...shipment.waiting]) part.postpone(heldUp_ms)
    delivery.repeat(reason)
    tally.requestRepeated()
    return [delivery]
  }

  /** Waits until the write time of the rows has come. An earlier write would hide what others write until then. */
  async #writeTime(rows: readonly EncodedRow[], signal: AbortSignal): Promise<void> {
    let latest = 0
    for (const row of rows) latest = Math.max(latest, writeTimeOf(row))
    await this.#clock.passed(latest - 1, signal)
  }
}

/** A delivery with what its sending needs. */
interface Shipment {
  readonly delivery: Delivery
  readonly requests: TableRequests
  readonly permit: Permit
  /** Parts of it that wait to be sent. */
  readonly waiting: Queue<Delivery>
}

/**
 * Whether the rows continue in smaller requests, to find the one to blame.
 * @param lastStored when the latest request that the same replica set and table stored left
 */
function isNarrowed(fault: Fault, delivery: Delivery, lastStored: number): boolean {
  if (fault === 'split' || fault === 'row') return true
  if (fault !== 'failure' || delivery.failures < FAILURES_TOGETHER) return false
  return delivery.rows.length > 1 || delivery.isToBlame(lastStored)
}

/**
 * A server also fails to store rows of a dropped table. No row is to blame for that.
 * @throws SchemaError
 */
async function mayBeNarrowed(fault: Fault, delivery: Delivery, requests: TableRequests): Promise<boolean> {
  return fault !== 'failure' || delivery.rows.length > 1 || (await requests.isTableKept(delivery))
}

/** The halves of a refused group, or its rows, down to the row to blame. */
async function narrow(
  { delivery, requests, permit, waiting }: Shipment,
  error: unknown,
): Promise<Delivery[]> {
  const { rows } = delivery
  const [only] = rows
  if (rows.length === 1 && only !== undefined) {
    const from = pauses.now()
    await permit.aside(requests.refuse(delivery, error))
    for (const part of waiting) part.postpone(pauses.now() - from)
    return []
  }
  // Each repeat of rows with a list takes one of their few write times, so one must be enough to find the row.
  const usesWriteTimes = delivery.usesWriteTimes(error)
  delivery.repeat(error)
  const parts: Delivery[] = []
  for (let from = 0; from < rows.length; ) {
    const most = usesWriteTimes ? 1 : Math.min(rows.length - from, Math.ceil(rows.length / 2))
    const to = from + (only?.statement.rowsFor(most) ?? 1)
    parts.push(delivery.part(from, to))
    from = to
  }
  return parts
}
