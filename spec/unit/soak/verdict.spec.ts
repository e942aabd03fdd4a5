import { describe, expect, it } from 'vitest'
import type { CyclesEnd, LoadEnd, Sample } from '../../soak/child.ts'
import { excess } from '../../soak/inventory.ts'
import { slopeOf } from '../../soak/slope.ts'
import { growthOf, judge, type Soak } from '../../soak/verdict.ts'

const seconds = Array.from({ length: 3600 }, (_, second) => second)
const samplesWith = (rss: (second: number) => number, written = (second: number) => second): Sample[] =>
  seconds.map(second => ({ seconds: second, rss: rss(second), heap: 10, written: written(second) }))

const left = { before: { timers: 1 }, after: { timers: 1 } }
const load: LoadEnd = {
  offered: 3600,
  given: 3600,
  took_ms: 3_600_000,
  error: undefined,
  stats: { rows_written: 3600, rows_deleted: 0, rows_set_aside: 0, requests: 100, retries: 5 },
  ...left,
}
const cycles: CyclesEnd = { errors: [], samples: samplesWith(() => 90).slice(0, 200), ...left }

const sound: Soak = {
  minutes: 60,
  samples: samplesWith(() => 90),
  restarts: { at_s: [30, 90, 150], back_s: [40, 100, 160] },
  weather: { delayed: 3, lost: 3 },
  load,
  comparison: { rows: 3600, lost: 0, wrong: 0, reported: 0 },
  cycles,
  cycle_rows: { given: 1000, stored: 1000 },
  connections: { before: 2, after: 2, proxy: 0 },
  exit: undefined,
}

const failing = (soak: Soak) => judge(soak).filter(({ holds }) => !holds)

describe('the verdict of a soak run', () => {
  it('passes if every check holds', () => {
    expect(failing(sound)).toEqual([])
    expect(judge(sound).length).toBeGreaterThan(10)
  })

  it.each<[string, Partial<Soak>, RegExp]>([
    ['a load that fails', { load: { ...load, error: 'Error: lost' } }, /without an error: Error: lost/],
    ['a node that is never killed', { restarts: { at_s: [], back_s: [] } }, /node restarts \(0 times\)/],
    ['a node that stays away', { restarts: { at_s: [30], back_s: [] } }, /answers again \(0 times\)/],
    [
      'a load that stops after a restart',
      {
        samples: samplesWith(
          () => 90,
          second => Math.min(second, 99),
        ),
      },
      /continues after each restart: not after 100, 160 s/,
    ],
    ['fine weather', { weather: { delayed: 3, lost: 0 } }, /lost \(0\)/],
    ['no retries', { load: { ...load, stats: { ...load.stats, retries: 0 } } }, /0 retries/],
    ['a lost row', { comparison: { ...sound.comparison, lost: 1 } }, /no row is lost: 1 of 3600/],
    ['nothing to compare', { comparison: { ...sound.comparison, rows: 0 } }, /no row is lost: 0 of 0/],
    ['a wrong row', { comparison: { ...sound.comparison, wrong: 2 } }, /no row is wrong: 2 of 3600/],
    [
      'growing memory',
      { samples: samplesWith(second => 90 + second / 100) },
      /at most 0.5 MiB per minute: 0.600/,
    ],
    [
      'a timer that stays after the load',
      { load: { ...load, after: { timers: 2 } } },
      /the load leaves nothing: timers: 1 before, 2 after/,
    ],
    ['a sink that fails', { cycles: { ...cycles, errors: ['cycle 3: Error: no'] } }, /works: cycle 3/],
    ['missing rows of sinks', { cycle_rows: { given: 1000, stored: 999 } }, /999 of 1000/],
    [
      'a socket that stays after the sinks',
      { cycles: { ...cycles, after: { timers: 1, 'handles TCPSocketWrap': 1 } } },
      /200 sinks leave nothing: handles TCPSocketWrap: 0 before, 1 after/,
    ],
    [
      'sinks that leave memory',
      { cycles: { ...cycles, samples: samplesWith(second => 90 + second / 20).slice(0, 200) } },
      /each adds at most .* KiB of resident memory: 51.20/,
    ],
    ['a connection at the proxy', { connections: { before: 2, after: 2, proxy: 1 } }, /1 at the proxy/],
    [
      'a connection at the server',
      { connections: { before: 2, after: 3, proxy: 0 } },
      /2 at the server before, 3 after/,
    ],
    ['a loader that does not end', { exit: 'the loader does not end by itself' }, /does not end/],
  ])('fails for %s only', (_, change, title) => {
    const found = failing({ ...sound, ...change })
    expect(found.map(({ title }) => title)).toEqual([expect.stringMatching(title)])
  })

  it('has no limit on growth for a run of two minutes, which is too short', () => {
    const samples = samplesWith(second => 90 + second / 10).slice(0, 120)
    const soak = { ...sound, minutes: 2, samples, restarts: { at_s: [30], back_s: [40] } }
    expect(growthOf(samples, 2, 'rss')).toBeCloseTo(6)
    expect(failing(soak)).toEqual([])
  })

  it('ignores the first five minutes', () => {
    const samples = samplesWith(second => Math.min(second, 300))
    expect(growthOf(samples, 60, 'rss')).toBeCloseTo(0)
  })
})

describe('a slope by least squares', () => {
  it('equals that of a line, and symmetric noise does not change it', () => {
    expect(
      slopeOf([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toBeCloseTo(2)
    expect(
      slopeOf([
        [0, 1],
        [0, -1],
        [10, 21],
        [10, 19],
      ]),
    ).toBeCloseTo(2)
  })
})

describe('an inventory', () => {
  it('has an excess only for counts that grew', () => {
    expect(excess({ a: 1, b: 2 }, { a: 1, b: 1, c: 1 })).toEqual(['c: 0 before, 1 after'])
  })
})
