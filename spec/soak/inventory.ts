import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { Client } from 'cassandra-driver'

/** Number of open resources of a process by kind. */
export type Inventory = Readonly<Record<string, number>>

const timer = setTimeout(() => {}, 0)
const Timer = timer.constructor
clearTimeout(timer)

const SETTLE_MS = 250
const SETTLE_TURNS = 20

/** Counts handles, timers, driver clients and listeners. */
export function takeInventory(signal: AbortSignal): Inventory {
  const inventory: Record<string, number> = {
    // `getActiveResourcesInfo` does not show unreferenced timers.
    timers: reachable(Timer).filter(shown => shown.includes('_destroyed: false')).length,
    'driver clients': reachable(Client).length,
    'abort listeners': getEventListeners(signal, 'abort').length,
  }
  for (const event of process.eventNames()) {
    inventory[`listeners of ${String(event)}`] = process.listenerCount(event)
  }
  // The pipes to the parent do not count.
  for (const name of process.getActiveResourcesInfo().filter(name => !/Pipe|TTY/.test(name))) {
    inventory[`handles ${name}`] = (inventory[`handles ${name}`] ?? 0) + 1
  }
  return inventory
}

/** Takes inventories until nothing exceeds `before`, to give closed resources time to disappear. */
export async function takeSettledInventory(signal: AbortSignal, before: Inventory): Promise<Inventory> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) {
    if (excess(before, takeInventory(signal)).length === 0) break
    await delay(SETTLE_MS)
  }
  // The timer of this pause is gone one turn later.
  await new Promise(setImmediate)
  return takeInventory(signal)
}

/** Kinds of which `after` has more, with both counts. */
export function excess(before: Inventory, after: Inventory): string[] {
  return Object.entries(after)
    .filter(([name, count]) => count > (before[name] ?? 0))
    .map(([name, count]) => `${name}: ${before[name] ?? 0} before, ${count} after`)
}

/** Live objects of a class as text, after a garbage collection. */
function reachable(kind: Parameters<typeof queryObjects>[0]): readonly string[] {
  const shown = queryObjects(kind, { format: 'summary' })
  if (typeof shown === 'number') throw new Error('Expected the objects instead of their number')
  return shown
}
