import { type Host, tracker } from 'cassandra-driver'

/** Counts which nodes coordinate the requests of a client. */
export interface Coordinators {
  readonly tracker: tracker.RequestTracker
  /** The share of each coordinator in the requests since the last `forget()`. */
  shares(): number[]
  forget(): void
}

/** The driver accepts only instances of this class, which its types declare as an interface. */
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
