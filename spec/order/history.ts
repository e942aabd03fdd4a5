import type { CassandraWritableOptions } from '../../lib/index.ts'
import type { Fate } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { Random } from './random.ts'

/** The table of all histories. `p` is 0 or 1 in a history; in the table, each history has its own two numbers. */
export const columns = {
  key: ['p', 'c'],
  static: { s: 'text', ss: 'set<int>', sl: 'list<int>' },
  regular: {
    a: 'int',
    b: 'text',
    fl: 'frozen<list<int>>',
    fm: 'frozen<map<text, int>>',
    e: 'set<int>',
    m: 'map<text, int>',
    l: 'list<int>',
    u: 'place',
  },
} as const

export type Row = Readonly<Record<string, unknown>>

export interface Step {
  readonly row: Row
  /** Index of the sink that gets the row. */
  readonly sink: number
  /** Turns of the event loop before the next step. */
  readonly pause: number
  /** Milliseconds by which the cluster's clock jumps before this step. */
  readonly clock_jump: number
}

export interface History {
  readonly seed: number
  readonly steps: readonly Step[]
  readonly sinks: number
  readonly options: Partial<CassandraWritableOptions>
  readonly tableHasTtl: boolean
  /** Returns the fate of the next write. */
  fateOf(write: { readonly cql: string }): Fate | undefined
}

const flag = { delete_flag_column: 'op', delete_flag_value: 'delete' }

export function historyOf(seed: number): History {
  const random = new Random(seed)
  const sinks = random.integer(1, 2)
  const hasLists = random.chance(0.5)
  const hasOwnOrder = random.chance(0.2)
  const hasTtlColumn = random.chance(0.4)
  const concurrency = random.pick([1, 2, 5, 20, 100])
  const rows_per_batch = random.pick([1, 3, 10, 50, 1000])
  // With one row at a time a history takes long, because every fault stops all rows.
  const count = random.integer(1, concurrency * rows_per_batch < 10 ? 60 : 300)
  const keys = random.list(4, () => ({ p: random.integer(0, 1), c: random.integer(0, 3) }))
  keys.push({ p: 0, c: 0 })
  const pace = random.pick([0, 0.02, 0.3])
  const jumps = random.pick([0, 0.05])
  // Retries of rows with lists use the next microseconds, so their times are further apart.
  const base = 1_000_000_000_000_000 + random.integer(0, 1_000_000)
  const times = random.shuffled(Array.from({ length: count }, (_, i) => base + i * (hasLists ? 64 : 1)))
  const steps = times.map((at, i) => ({
    row: {
      ...rowFor(random, random.pick(keys), hasLists),
      ...(hasOwnOrder && { at: i % 2 === 0 ? at : String(at) }),
      ...(hasTtlColumn &&
        random.chance(0.7) && { lives: random.pick([null, 0, 5_000, 90_000, 300_000_000]) }),
    },
    sink: random.integer(0, sinks - 1),
    pause: random.chance(pace) ? random.integer(1, 20) : 0,
    clock_jump: random.chance(jumps) ? random.integer(-10_000, 4_000) : 0,
  }))
  const options = {
    ...flag,
    concurrency,
    rows_per_batch,
    batch_by: random.pick(['partition', 'replicas', 'none'] as const),
    flush_interval_ms: random.pick([0, 1, 10]),
    nulls: random.pick(['write', 'unset'] as const),
    ...(random.chance(0.2) && { ttl: random.pick([0, 7_000]) }),
    ...(hasTtlColumn && { ttl_column: 'lives' }),
    ...(hasOwnOrder && { timestamp_column: 'at', allow_any_timestamp: true }),
  }
  const fateOf = fates(random, hasLists)
  return { seed, steps, sinks, options, tableHasTtl: random.chance(0.2), fateOf }
}

function rowFor(random: Random, key: { readonly p: number; readonly c: number }, hasLists: boolean): Row {
  const kind = random.next()
  if (kind < 0.15) return { ...key, op: random.pick(['delete', 'DELETE']) }
  const op = random.pick(['insert', '', null])
  if (kind < 0.25) return { p: key.p, ...valuesFor(random, Object.keys(columns.static), 0.6, hasLists), op }
  const names = [...Object.keys(columns.regular), ...(random.chance(0.3) ? Object.keys(columns.static) : [])]
  const part = random.pick([0.1, 0.5, 1])
  return { ...key, ...valuesFor(random, names, part, hasLists), op }
}

/** Values for some of the columns. One in five is null. A row of static columns has at least one, or it would need its key. */
function valuesFor(random: Random, names: readonly string[], part: number, hasLists: boolean): Row {
  const row: Record<string, unknown> = names.includes('a') ? {} : { s: word(random) }
  for (const name of names) {
    const isList = name === 'l' || name === 'sl'
    if ((isList && !hasLists) || !random.chance(part)) continue
    row[name] = random.chance(0.2) ? null : values[name as keyof typeof values](random)
  }
  return row
}

// A small range, so that values repeat and do not show the order of the rows.
const number = (random: Random) => random.integer(-50, 50)
const word = (random: Random) => random.pick(['', 'a', 'b', 'ab', 'ö', 'zzz', 'z'])
const wordsToNumbers = (random: Random) =>
  Object.fromEntries(random.list(3, () => [word(random), number(random)]))

const values = {
  s: word,
  ss: (random: Random) => new Set(random.list(4, () => number(random))),
  sl: (random: Random) => random.list(4, () => number(random)),
  a: number,
  b: word,
  fl: (random: Random) => random.list(3, () => number(random)),
  fm: wordsToNumbers,
  e: (random: Random) => new Set(random.list(4, () => number(random))),
  m: wordsToNumbers,
  l: (random: Random) => random.list(4, () => number(random)),
  u: (random: Random) => random.pick([{ x: number(random), y: number(random) }, { y: number(random) }, {}]),
}

const error = (code: number, message = 'a fault on demand') => ({ code, message })

/** Errors after which the write may have been applied. */
const maybeApplied = [
  faultCodes.serverError,
  faultCodes.overloaded,
  faultCodes.writeTimeout,
  faultCodes.writeFailure,
].map(code => error(code))
const notApplied = [faultCodes.unavailable, faultCodes.overloaded, faultCodes.bootstrapping].map(code =>
  error(code),
)

/** The fates of a history's writes, in the order in which the writes reach the proxy. */
function fates(random: Random, hasLists: boolean): History['fateOf'] {
  const likelihood = random.pick([0, 0.05, 0.15, 0.3])
  let timeouts = random.chance(0.1) ? 1 : 0
  return ({ cql }) => {
    if (!random.chance(likelihood)) return undefined
    if (timeouts-- > 0) return { answer: 'nothing' }
    const after_writes = random.pick([0, 2, 10, 1000])
    const made: Fate[] = [
      { answer: 'close' },
      { delivery: 'never', answer: 'close' },
      { answer: random.pick(maybeApplied) },
      { delivery: 'never', answer: random.pick(notApplied) },
      { delivery: 'late', answer: random.pick(maybeApplied), after_writes },
      { delivery: 'late', answer: 'close', after_writes },
      { delay_ms: random.integer(1, 30) },
    ]
    // A frame that is applied twice doubles a list. No sender can prevent that, but TCP does not deliver twice.
    if (!hasLists) made.push({ delivery: 'twice', after_writes }, { delivery: 'twice', after_writes })
    if (cql.startsWith('BEGIN')) {
      made.push({ delivery: 'never', answer: error(faultCodes.invalid, 'Batch too large') })
      made.push({ delivery: 'never', answer: error(faultCodes.invalid, 'refused on demand') })
    }
    return random.pick(made)
  }
}
