import type { Shard } from '../options/shard.ts'

/** A part of the ring: partitions with a token above `start`, up to `end`. None wraps around. */
export interface TokenRange {
  readonly start: bigint
  readonly end: bigint
}

/** Below all tokens of Murmur3Partitioner. No partition has it. */
const LOWEST = -(2n ** 63n)
const HIGHEST = 2n ** 63n - 1n
/** Tokens of the ring. */
export const RING = HIGHEST - LOWEST

/**
 * Divides the ring at the tokens of its nodes. Every partition is in one range, and the partitions of a range are on the same
 * nodes. The range around the end of the ring comes in two parts.
 */
export function rangesBetween(tokens: readonly bigint[]): TokenRange[] {
  const inner = tokens.filter(token => token > LOWEST && token < HIGHEST)
  const ends = [...new Set([...inner, HIGHEST])].sort(byToken)
  return ends.map((end, i) => ({ start: ends[i - 1] ?? LOWEST, end }))
}

/**
 * Cuts ranges into at least `splits` parts in total, in proportion to their sizes. The parts take turns over the ranges, so
 * that parallel reads are on different nodes.
 */
export function splitRanges(ranges: readonly TokenRange[], splits: number): TokenRange[] {
  const parts = ranges.map(range => {
    const share = Number(((range.end - range.start) * BigInt(splits) * 1000n) / RING) / 1000
    return cut(range, Math.max(1, Math.ceil(share - 0.001)))
  })
  // A ring has more ranges than a call takes arguments.
  const most = parts.reduce((longest, { length }) => Math.max(longest, length), 0)
  const found: TokenRange[] = []
  for (let i = 0; i < most; i++)
    for (const part of parts) if (part[i] !== undefined) found.push(part[i] as TokenRange)
  return found
}

/** The parts of ranges that are in a shard. Shards depend on no node, so that processes agree at any time. */
export function rangesOfShard({ index, count }: Shard, ranges: readonly TokenRange[]): readonly TokenRange[] {
  const start = LOWEST + (RING * BigInt(index)) / BigInt(count)
  const end = LOWEST + (RING * BigInt(index + 1)) / BigInt(count)
  return rangesAbove(start, ranges).flatMap(range =>
    range.start >= end ? [] : [{ start: range.start, end: range.end < end ? range.end : end }],
  )
}

function byToken(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The ranges above a token, or all without one. */
export function rangesAbove(token: bigint | undefined, ranges: readonly TokenRange[]): readonly TokenRange[] {
  if (token === undefined) return ranges
  return ranges.flatMap(({ start, end }) =>
    end <= token ? [] : [{ start: start < token ? token : start, end }],
  )
}

/** The two halves of a range. Undefined if it has one token. */
export function halves(range: TokenRange): readonly [TokenRange, TokenRange] | undefined {
  const [first, second] = cut(range, 2)
  return first === undefined || second === undefined ? undefined : [first, second]
}

function cut({ start, end }: TokenRange, parts: number): TokenRange[] {
  const size = end - start
  const count = size < BigInt(parts) ? size : BigInt(parts)
  const found: TokenRange[] = []
  for (let i = 0n; i < count; i++) {
    found.push({ start: start + (size * i) / count, end: start + (size * (i + 1n)) / count })
  }
  return found
}
