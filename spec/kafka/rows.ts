import { integerBelow, randomFrom } from '../random.ts'

/** A table in which every kind of row can go wrong in its own way. */
export const tableOfMessages = `p int, c int, v int, t text, tags set<int>, items list<int>, fixed frozen<list<int>>,
  PRIMARY KEY (p, c)`

/** Rows of one partition of the topic, few so that messages meet each other. */
const ROWS = 40

/** Messages come in stretches with and without lists, since epochs of either kind are replayed differently. */
const STRETCH = 400

export interface MessageRow {
  readonly p: number
  readonly c: number
  readonly [column: string]: unknown
}

/** A message of the source: a key and its rows, none for a tombstone. */
export interface SourceMessage {
  readonly key: { readonly p: number; readonly c: number }
  readonly rows: readonly MessageRow[] | null
}

/** The message at a place of a partition: the same whenever it is asked for. */
export function messageAt(seed: number, partition: number, index: number): SourceMessage {
  const random = randomFrom(seed ^ Math.imul(partition * 1_000_003 + index + 1, 0x9e3779b1))
  const below = (limit: number) => integerBelow(limit, random)
  const key = { p: partition, c: below(ROWS) }
  const kind = below(20)
  if (kind < 3) return { key, rows: null }
  // Some messages are of no interest, and some are two rows.
  if (kind === 3) return { key, rows: [] }
  const rowOf = (c: number): MessageRow => {
    const some = <T>(value: T) => (below(3) === 0 ? undefined : below(8) === 0 ? null : value)
    const numbers = () => Array.from({ length: below(4) }, (_, i) => index * 10 + i)
    const row = {
      p: key.p,
      c,
      v: some(index),
      t: some(`text ${index}`),
      tags: some(numbers()),
      items: Math.floor(index / STRETCH) % 2 === 0 ? some(numbers()) : undefined,
      fixed: some(numbers()),
    }
    return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as MessageRow
  }
  return { key, rows: kind === 4 ? [rowOf(key.c), rowOf((key.c + 1) % ROWS)] : [rowOf(key.c)] }
}

export const keyTextOf = ({ key }: SourceMessage): string => JSON.stringify(key)

export const valueTextOf = ({ rows }: SourceMessage): string | null =>
  rows === null ? null : JSON.stringify(rows)
