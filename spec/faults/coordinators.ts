import type { Host, tracker } from 'cassandra-driver'

/** Which nodes coordinate the requests of a client. */
export interface Coordinators {
  readonly tracker: tracker.RequestTracker
  /** Of the requests since the last call of `forget`, one share per node that had any. */
  shares(): number[]
  forget(): void
}

export function coordinatorsOf(): Coordinators {
  const requests = new Map<string, number>()
  return {
    tracker: {
      onSuccess: ({ address }: Host) => {
        requests.set(address, (requests.get(address) ?? 0) + 1)
      },
      onError: () => {},
      shutdown: () => {},
    },
    shares: () => {
      const counts = [...requests.values()]
      const all = counts.reduce((sum, count) => sum + count, 0)
      return counts.map(count => Number((count / all).toFixed(2)))
    },
    forget: () => requests.clear(),
  }
}
