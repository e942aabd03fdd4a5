import type { Weather } from '../proxy/outageProxy.ts'
import { integerBelow } from '../random.ts'

const faults = ['cut', 'refuse', 'hang up', 'slow', 'swallow', 'deaf', 'mute', 'half-open'] as const

/** One outage: its kind, its length, and the proxy that it affects. */
export interface Phase {
  readonly fault: 'cut' | 'refuse' | 'hang up' | Exclude<Weather, 'pass'>
  /** Index of the affected proxy. */
  readonly proxy: number
  readonly meets: 'all' | 'half of the open connections' | 'new connections'
  readonly lasts_ms: number
  /** Whether the outage ends before the next phase. */
  readonly clears: boolean
}

/** The outages during one load. */
export interface Pattern {
  /** Number of contact points, each behind its own proxy. */
  readonly proxies: 1 | 2
  readonly begins: 'before opening' | 'while loading' | 'at the end'
  readonly phases: readonly Phase[]
  readonly delay_ms: number
  readonly options: {
    readonly concurrency: number
    readonly rows_per_batch: number
    readonly request_timeout_ms: number
    readonly retry_timeout_ms: number
  }
}

export function randomPattern(random: () => number): Pattern {
  const oneOf = <T>(values: readonly [T, ...T[]]): T =>
    values[integerBelow(values.length, random)] ?? values[0]
  const proxies = oneOf([1, 1, 2] as const)
  return {
    proxies,
    begins: oneOf(['before opening', 'while loading', 'while loading', 'at the end'] as const),
    phases: Array.from({ length: 1 + integerBelow(5, random) }, () => ({
      fault: oneOf(faults),
      proxy: integerBelow(proxies, random),
      meets: oneOf(['all', 'half of the open connections', 'new connections'] as const),
      lasts_ms: integerBelow(800, random),
      clears: random() < 0.5,
    })),
    delay_ms: 1 + integerBelow(150, random),
    options: {
      concurrency: oneOf([1, 8, 100]),
      rows_per_batch: oneOf([1, 20]),
      request_timeout_ms: oneOf([1_500, 3_000]),
      retry_timeout_ms: oneOf([1_000, 30_000]),
    },
  }
}
