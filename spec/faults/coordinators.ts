import { type Host, tracker } from 'cassandra-driver'

/** Which nodes coordinate the requests of a client. */
export interface Coordinators {
  readonly tracker: tracker.RequestTracker
  /** Of the requests since the last call of `forget`, one share per node that had any. */
  shares(): number[]
  forget(): void
}

/** A class, which the driver's types call an interface, and of which the driver takes instances only. */
const { RequestTracker } = tracker as unknown as { RequestTracker: new () => tracker.RequestTracker }

export function coordinatorsOf(): Coordinators {
  const requests = new Map<string, number>()
  class Counter extends RequestTracker {
    override onSuccess({ address }: Host): void {
      requests.set(address, (requests.get(address) ?? 0) + 1)
    }
  }
  return {
    tracker: new Counter(),
    shares: () => {
      const counts = [...requests.values()]
      const all = counts.reduce((sum, count) => sum + count, 0)
      return counts.map(count => Number((count / all).toFixed(2)))
    },
    forget: () => requests.clear(),
  }
}
