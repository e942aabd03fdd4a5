import { integerBelow, randomFrom } from '../random.ts'

/** A table with every kind of column that a replay treats in its own way. */
export const tableOfMessages = `p int, c int, v int, t text, tags set<int>, items list<int>, fixed frozen<list<int>>,
  PRIMARY KEY (p, c)`

/** Number of rows per stretch. Few, so that its messages overwrite each other. */
const ROWS = 40

/**
 * Messages per stretch. Each stretch has its own rows, so an error at any moment is still in the table at the end. Stretches with
 * and without lists alternate, because their epochs are replayed differently.
 */
const STRETCH = 400

export interface MessageRow {
  readonly p: number
  readonly c: number
  readonly [column: string]: unknown
}

/** A message of the source: a key and its rows. A tombstone has none. */
export interface SourceMessage {
  readonly key: { readonly p: number; readonly c: number }
  readonly rows: readonly MessageRow[] | null
}

/** The message at `index` of a partition, the same for each call. */
export function messageAt(seed: number, partition: number, index: number): SourceMessage {
  const random = randomFrom(seed ^ Math.imul(partition * 1_000_003 + index + 1, 0x9e3779b1))
  const below = (limit: number) => integerBelow(limit, random)
  const stretch = Math.floor(index / STRETCH)
  const first = stretch * ROWS
  const row = below(ROWS)
  const key = { p: partition, c: first + row }
  const kind = below(20)
  if (kind < 3) return { key, rows: null }
  // Some messages have no row, and some have two.
  if (kind === 3) return { key, rows: [] }
  const rowOf = (c: number): MessageRow => {
    const some = <T>(value: T) => (below(3) === 0 ? undefined : below(8) === 0 ? null : value)
    const numbers = () => Array.from({ length: below(4) }, (_, i) => index * 10 + i)
    const columns = {
      p: key.p,
      c,
      v: some(index),
      t: some(`text ${index}`),
      tags: some(numbers()),
      items: stretch % 2 === 0 ? some(numbers()) : undefined,
      fixed: some(numbers()),
    }
    return Object.fromEntries(
      Object.entries(columns).filter(([, value]) => value !== undefined),
    ) as MessageRow
  }
  return { key, rows: kind === 4 ? [rowOf(key.c), rowOf(first + ((row + 1) % ROWS))] : [rowOf(key.c)] }
}

export const keyTextOf = ({ key }: SourceMessage): string => JSON.stringify(key)

export const valueTextOf = ({ rows }: SourceMessage): string | null =>
  rows === null ? null : JSON.stringify(rows)
