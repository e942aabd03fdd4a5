import { lineChart } from '../../bench/plot.ts'
import type { Sample } from './child.ts'
import { growthOf, settledAfter } from './verdict.ts'

const MOST_POINTS = 360

/** Plot of the memory of a load over time, with the restarts of the node. */
export function pictureOf(
  samples: readonly Sample[],
  restarts_s: readonly number[],
  minutes: number,
): string {
  const growth = growthOf(samples, minutes, 'rss')
  const settled = samples.filter(({ seconds }) => seconds >= settledAfter(minutes))
  const middle = settled.reduce((sum, { seconds, rss }) => ({ x: sum.x + seconds / 60, y: sum.y + rss }), {
    x: 0,
    y: 0,
  })
  const fitAt = (minute: number) => middle.y / settled.length + growth * (minute - middle.x / settled.length)
  const ends = [settled[0], settled.at(-1)].map(sample => (sample?.seconds ?? 0) / 60)
  const each = Math.ceil(samples.length / MOST_POINTS)
  const kept = samples.filter((_, index) => index % each === 0)
  return lineChart({
    title: `Memory of a sink for ${minutes} minutes, 5 % of the responses delayed or lost`,
    xTitle: 'minutes',
    yTitle: 'MiB after a garbage collection',
    lines: [
      { label: 'resident', points: kept.map(({ seconds, rss }) => [seconds / 60, rss]) },
      { label: 'heap used', points: kept.map(({ seconds, heap }) => [seconds / 60, heap]) },
      { label: `${growth.toFixed(2)} MiB per minute`, points: ends.map(minute => [minute, fitAt(minute)]) },
    ],
    marks: { xs: restarts_s.map(second => second / 60), label: 'kill -9 of the node' },
  })
}
