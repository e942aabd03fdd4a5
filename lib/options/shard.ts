import type { Kind } from './entry.ts'

/** One of several equal shares of the ring. */
export interface Shard {
  /** Counted from 0. */
  readonly index: number
  readonly count: number
}

const MOST = 100_000

export const shardText: Kind<string> = {
  expected: `\`index/count\`, such as 0/8, with a count up to ${MOST} and a lower index`,
  isBounded: true,
  accepts: (value): value is string => typeof value === 'string' && shardOf(value) !== undefined,
}

export function shardName({ index, count }: Shard): string {
  return `${index}/${count}`
}

/** Undefined for a text that names no shard. */
export function shardOf(text: string): Shard | undefined {
  const [, index, count] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number)
  if (index === undefined || count === undefined || index >= count || count > MOST) return undefined
  return { index, count }
}
