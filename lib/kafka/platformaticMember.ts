import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer } from '@platformatic/kafka'
import { within } from '../cluster/within.ts'
import { hasLeft } from './platformaticConsumer.ts'
import { isFenced } from './platformaticErrors.ts'
import type { Platformatic, PlatformaticOptions } from './platformaticOptions.ts'

/** Milliseconds between two attempts to leave. */
const LEAVE_AGAIN_MS = 1_000

/**
 * Milliseconds after which the group takes a member that is silent for dead. A join waits that long for a dead member, and must not
 * take longer than a request may take.
 */
const SESSION_MS = 25_000
const REQUEST_MS = 30_000

/** Time limits of a member in milliseconds. */
export function memberLimits(kafka_options: PlatformaticOptions['kafka_options']) {
  const given = (name: string, otherwise: number) => {
    const value = kafka_options[name]
    return typeof value === 'number' ? value : otherwise
  }
  const sessionTimeout = given('sessionTimeout', SESSION_MS)
  const requestTimeout = given('requestTimeout', Math.max(REQUEST_MS, sessionTimeout + 5_000))
  return { sessionTimeout, requestTimeout }
}

/**
 * Joins with the protocol of KIP-848, as a member of this id. The library joins only by opening a stream. The stream is closed before
 * it fetches anything.
 */
export async function joinByStream(
  consumer: Consumer,
  topics: readonly string[],
  memberId: string,
): Promise<void> {
  consumer.memberId = memberId
  // The library joins because it has not yet tracked the topics.
  const stream = await consumer.consume({ topics: [...topics], mode: 'latest', autocommit: false })
  // Keeps the topics subscribed after the end of the stream.
  consumer.topics.trackAll(...topics)
  const closed = new Promise<void>(resolve => stream.once('close', resolve))
  stream.on('error', () => {})
  stream.destroy()
  await closed
}

/**
 * Leaves the group. A consumer that does not leave stays a member that reads nothing, until the group notices that it is gone.
 * With KIP-848 there is one attempt, because the library does not tell whether it has failed. Never throws.
 */
export async function leaveInTime(module: Platformatic, consumer: Consumer, limit_ms: number): Promise<void> {
  consumer.removeAllListeners('consumer:heartbeat:error')
  const ends = performance.now() + limit_ms
  for (let left_ms = limit_ms; left_ms > 0; left_ms = ends - performance.now()) {
    try {
      return await within(left_ms, Promise.resolve(consumer.close(true)))
    } catch (error) {
      // The consumer looks for no other coordinator.
      if (hasLeft(error) || isFenced(error)) break
      await delay(LEAVE_AGAIN_MS, undefined, { ref: false })
    }
  }
  await closeConnections(module, consumer)
}

/** Closes the connections without leaving the group. Never throws. */
export async function closeConnections(module: Platformatic, consumer: Consumer): Promise<void> {
  // Closed connections would be tried again.
  consumer[module.kOptions].retries = 0
  await module.Base.prototype.close.call(consumer).catch(() => {})
}
