import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer } from '@platformatic/kafka'
import { within } from '../cluster/within.ts'
import { hasLeft } from './platformaticConsumer.ts'
import { isFenced } from './platformaticErrors.ts'
import type { Platformatic } from './platformaticOptions.ts'

/** Milliseconds between two attempts to leave. */
const LEAVE_AGAIN_MS = 1_000

/**
 * Joins with the protocol of KIP-848, as the member of this id, even if that one has not left. The library joins only by opening a
 * stream. The stream is closed before it fetches anything.
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
 * Never throws.
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
  await module.Base.prototype.close.call(consumer).catch(() => {})
}
