import { integerBelow, randomFrom } from '../random.ts'

/** A table with every kind of column that a replay treats in its own way. */
export const tableOfRows = `p int, c int, v int, t text, s text static, numbers map<text, int>, tags set<int>, items list<int>,
  fixed frozen<list<int>>, PRIMARY KEY (p, c)`

export const controls = { delete_flag_column: 'op', delete_flag_value: 'delete', ttl_column: 'seconds' }

const PARTITIONS = 6
const ROWS_A_PARTITION = 20

/** Rows per stretch. Stretches with and without non-frozen lists alternate, because their epochs are replayed differently. */
const STRETCH = 300

export interface CrashRow {
  readonly p: number
  readonly c?: number
  readonly op: string
  readonly [column: string]: unknown
}

/** The row at `index` of the source, the same for each call. Few keys, so that rows overwrite each other. */
function rowAt(seed: number, index: number): CrashRow {
  const random = randomFrom(seed ^ Math.imul(index + 1, 0x9e3779b1))
  const below = (limit: number) => integerBelow(limit, random)
  const p = below(PARTITIONS)
  if (below(20) === 0) return { p, s: `static ${index}`, op: '' }
  const key = { p, c: below(ROWS_A_PARTITION) }
  if (below(6) === 0) return { ...key, op: 'delete' }
  const some = <T>(value: T) => (below(3) === 0 ? undefined : below(8) === 0 ? null : value)
  const numbers = () => Array.from({ length: below(4) }, (_, i) => index * 10 + i)
  return {
    ...key,
    op: '',
    v: some(index),
    t: some(`text ${index}`),
    numbers: some(new Map(numbers().map(n => [`k${n % 5}`, n]))),
    tags: some(new Set(numbers())),
    items: Math.floor(index / STRETCH) % 2 === 0 ? some(numbers()) : undefined,
    fixed: some(numbers()),
    seconds: [null, 0, 50_000, 90_000][below(4)],
  }
}

/** Rows of the source. All of them are in `partition` if it is given. */
export function* rowsFrom(seed: number, from: number, to: number, partition?: number): Generator<CrashRow> {
  for (let index = from; index < to; index++) {
    const row = rowAt(seed, index)
    yield partition === undefined ? row : { ...row, p: partition }
  }
}
