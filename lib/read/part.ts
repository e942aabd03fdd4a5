import { halves, type TokenRange } from './tokenRanges.ts'

/** How often a range is halved because a server fails to read it. A part with a damaged file fails at any width. */
const MOST_HALVINGS = 10

/** A part of a range. */
export interface Part {
  /** Undefined for the partitions that `where` names. */
  readonly range: TokenRange | undefined
  /** How often its range was halved because a server failed to read it. */
  readonly halvings: number
}

/**
 * The halves of a part. Undefined if it cannot be halved any more.
 * @param hasFailed whether a server fails to read the part. Otherwise it takes too long
 */
export function halvesOf({ range, halvings }: Part, hasFailed: boolean): readonly [Part, Part] | undefined {
  if (range === undefined || (hasFailed && halvings >= MOST_HALVINGS)) return undefined
  const [first, second] = halves(range) ?? []
  if (first === undefined || second === undefined) return undefined
  const halved = hasFailed ? halvings + 1 : halvings
  return [
    { range: first, halvings: halved },
    { range: second, halvings: halved },
  ]
}

/** A part up to a token of it, and what is behind that token. Undefined if nothing is. */
export function cutAt(
  { range, halvings }: Part,
  token: bigint | undefined,
): readonly [Part, Part] | undefined {
  if (range === undefined || token === undefined || token <= range.start || token >= range.end)
    return undefined
  return [
    { range: { start: range.start, end: token }, halvings },
    { range: { start: token, end: range.end }, halvings },
  ]
}

/** The width of a part in tokens. */
export function widthOf({ range }: Part): bigint {
  return range === undefined ? 0n : range.end - range.start
}

/** Where the rows of a part are, for a message, after the name of the table. */
export function placeOf({ range }: Part): string {
  const place =
    range === undefined
      ? 'the partitions that `where` names'
      : `the tokens above ${range.start} up to ${range.end}`
  return `, in ${place},`
}
