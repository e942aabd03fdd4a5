import type { Comparison } from '../faults/load.ts'
import type { CyclesEnd, LoadEnd, Sample } from './child.ts'
import { excess } from './inventory.ts'
import { slopeOf } from './slope.ts'

/** Highest allowed growth of resident memory, in MiB per minute. */
const MOST_MIB_PER_MINUTE = 0.5

/** Highest allowed growth of resident memory per sink that opens and closes, in MiB. */
const MOST_MIB_PER_CYCLE = 0.02

/** Number of cycles at the start whose memory does not count. */
const WARM_UP_CYCLES = 50

/** Shortest run in minutes whose slope is checked. In a shorter run it is only printed. */
const LEAST_MINUTES = 10

/** Shortest time in seconds between two restarts in which rows must be acknowledged. */
const LEAST_STRETCH_S = 20

/** All measurements of a soak run. */
export interface Soak {
  readonly minutes: number
  readonly samples: readonly Sample[]
  /** When the node was killed and when it answered again, in seconds from the start. */
  readonly restarts: { readonly at_s: readonly number[]; readonly back_s: readonly number[] }
  readonly weather: { readonly delayed: number; readonly lost: number }
  readonly load: LoadEnd
  readonly comparison: Comparison
  readonly cycles: CyclesEnd
  readonly cycle_rows: { readonly given: number; readonly stored: number }
  /** Connections of the server before and after the run, and connections of the proxy. */
  readonly connections: { readonly before: number; readonly after: number; readonly proxy: number }
  readonly exit: string | undefined
}

/** One thing that must hold. */
export interface Check {
  readonly title: string
  readonly holds: boolean
}

/** Seconds from which on the memory of the load counts. */
export function settledAfter(minutes: number): number {
  return minutes < LEAST_MINUTES ? 40 : 300
}

/** Growth in MiB per minute, by least squares. */
export function growthOf(samples: readonly Sample[], minutes: number, of: 'rss' | 'heap'): number {
  const settled = samples.filter(({ seconds }) => seconds >= settledAfter(minutes))
  return slopeOf(settled.map(sample => [sample.seconds / 60, sample[of]]))
}

/** Growth in MiB per sink that opens and closes, by least squares. */
export function growthPerCycle({ samples }: CyclesEnd, of: 'rss' | 'heap'): number {
  return slopeOf(samples.slice(WARM_UP_CYCLES).map((sample, cycle) => [cycle, sample[of]]))
}

/** Times of restarts after which no row was acknowledged before the next kill, in seconds. */
function stuckAfter({ restarts, samples }: Soak): number[] {
  const writtenAt = (second: number) =>
    samples
      .filter(({ seconds }) => seconds <= second)
      .reduce((most, { written }) => Math.max(most, written), 0)
  return restarts.back_s.filter((from, index) => {
    const to = restarts.at_s[index + 1] ?? samples.at(-1)?.seconds ?? 0
    return to - from >= LEAST_STRETCH_S && writtenAt(to) <= writtenAt(from)
  })
}

export function judge(soak: Soak): Check[] {
  const { load, minutes, comparison, cycles, cycle_rows, connections, weather, restarts } = soak
  const growth = growthOf(soak.samples, minutes, 'rss')
  const perCycle = growthPerCycle(cycles, 'rss')
  const stuck = stuckAfter(soak)
  const leftByLoad = excess(load.before, load.after)
  const leftByCycles = excess(cycles.before, cycles.after)
  const { before, after, proxy } = connections
  const check = (title: string, holds: boolean): Check => ({ title, holds })
  return [
    check(`the load ends without an error: ${load.error ?? 'none'}`, load.error === undefined),
    check(
      `the node restarts (${restarts.at_s.length} times) and answers again (${restarts.back_s.length} times)`,
      restarts.at_s.length > 0 && restarts.back_s.length === restarts.at_s.length,
    ),
    check(
      `the load continues after each restart: ${stuck.length === 0 ? 'it does' : `not after ${stuck.join(', ')} s`}`,
      stuck.length === 0,
    ),
    check(
      `responses are delayed (${weather.delayed}) and lost (${weather.lost})`,
      weather.delayed > 0 && weather.lost > 0,
    ),
    check(`lost requests are sent again: ${load.stats.retries} retries`, load.stats.retries > 0),
    check(
      `no row is lost: ${comparison.lost} of ${comparison.rows}`,
      comparison.lost === 0 && comparison.rows > 0,
    ),
    check(`no row is wrong: ${comparison.wrong} of ${comparison.rows}`, comparison.wrong === 0),
    ...(minutes < LEAST_MINUTES
      ? []
      : [
          check(
            `resident memory grows by at most ${MOST_MIB_PER_MINUTE} MiB per minute: ${growth.toFixed(3)}`,
            growth <= MOST_MIB_PER_MINUTE,
          ),
        ]),
    check(`the load leaves nothing: ${leftByLoad.join('; ') || 'nothing'}`, leftByLoad.length === 0),
    check(
      `every sink that opens and closes works: ${cycles.errors.join('; ') || 'all do'}`,
      cycles.errors.length === 0,
    ),
    check(
      `their rows are stored: ${cycle_rows.stored} of ${cycle_rows.given}`,
      cycle_rows.stored === cycle_rows.given && cycle_rows.given > 0,
    ),
    check(
      `${cycles.samples.length} sinks leave nothing: ${leftByCycles.join('; ') || 'nothing'}`,
      leftByCycles.length === 0,
    ),
    check(
      `each adds at most ${MOST_MIB_PER_CYCLE * 1024} KiB of resident memory: ${(perCycle * 1024).toFixed(2)}`,
      perCycle <= MOST_MIB_PER_CYCLE,
    ),
    check(
      `no connection stays open: ${proxy} at the proxy; ${before} at the server before, ${after} after`,
      proxy === 0 && after <= before,
    ),
    check(`the loader ends by itself: ${soak.exit ?? 'it does'}`, soak.exit === undefined),
  ]
}
