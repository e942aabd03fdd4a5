import { types } from 'cassandra-driver'

type Random = () => number

/** A value as a user gives it, and its expected meaning when it is read back. */
export type Sample = readonly [given: unknown, meaning: unknown]

const below = (random: Random, n: number) => Math.floor(random() * n)
const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)] as T
const many = <T>(random: Random, n: number, item: () => T): T[] =>
  Array.from({ length: below(random, n) }, item)
const hex = (random: Random, digits: number) =>
  Array.from({ length: digits }, () => below(random, 16).toString(16)).join('')
const hyphened = (digits: string) => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

function whole(random: Random, bits: number): bigint {
  const edge = 2n ** BigInt(bits - 1)
  if (random() < 0.02) return pick(random, [-edge, edge - 1n, 0n, -1n])
  return BigInt.asIntN(bits, BigInt(`0x${hex(random, Math.ceil(bits / 4))}`))
}

/** A random integer as a BigInt, as text, or as a number if that is exact. */
function integer(random: Random, bits: number): Sample {
  const value = whole(random, bits)
  const number = Number(value)
  const forms = [value, String(value), Number.isSafeInteger(number) ? number : value]
  return [pick(random, forms), String(value)]
}

function text(random: Random): string {
  const letters = ['a', 'Z', '0', ' ', '"', "'", '\\', '\n', '\0', 'é', 'ß', '漢', '\u{1f600}', '\u2028']
  return many(random, 24, () => pick(random, letters)).join('')
}

function real(random: Random): number {
  if (random() < 0.05) return pick(random, [0, -0, Number.MAX_VALUE, Number.MIN_VALUE, Infinity, -Infinity])
  return (random() - 0.5) * 10 ** (below(random, 40) - 20)
}

const uniqueTexts = (random: Random): string[] => [...new Set(many(random, 5, () => `k${hex(random, 3)}`))]
const printed = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))
const sorted = (items: string[]) => items.toSorted()

/** A column of every type. */
export const columns: Readonly<
  Record<string, { readonly type: string; readonly sample: (random: Random) => Sample }>
> = {
  a_ascii: {
    type: 'ascii',
    sample: random => same(hex(random, 8)),
  },
  a_bigint: { type: 'bigint', sample: random => integer(random, 64) },
  a_blob: {
    type: 'blob',
    sample: random => {
      const bytes = Buffer.from(many(random, 40, () => below(random, 256)))
      return [pick(random, [bytes, new Uint8Array(bytes)]), bytes.toString('hex')]
    },
  },
  a_boolean: { type: 'boolean', sample: random => same(random() < 0.5) },
  a_date: {
    type: 'date',
    sample: random => same(new Date(below(random, 40_000) * 86_400_000).toISOString().slice(0, 10)),
  },
  a_decimal: {
    type: 'decimal',
    sample: random => same(`${whole(random, 64)}.${String(below(random, 100_000)).padStart(5, '0')}`),
  },
  a_double: {
    type: 'double',
    sample: random => {
      const value = real(random)
      return [value, printed(value)]
    },
  },
  a_duration: {
    type: 'duration',
    sample: random => {
      const [months, days, nanos] = [below(random, 1000), below(random, 1000), below(random, 2 ** 31)]
      return [`${months}mo${days}d${nanos}ns`, `${months} ${days} ${nanos}`]
    },
  },
  a_float: {
    type: 'float',
    sample: random => {
      const value = Math.fround(real(random))
      return [value, printed(value)]
    },
  },
  an_inet: {
    type: 'inet',
    sample: random => {
      if (random() < 0.5) {
        const bytes = Array.from({ length: 4 }, () => below(random, 256))
        return [bytes.join('.'), Buffer.from(bytes).toString('hex')]
      }
      const digits = hex(random, 32)
      return [digits.replaceAll(/(.{4})(?=.)/g, '$1:'), digits]
    },
  },
  an_int: { type: 'int', sample: random => integer(random, 32) },
  a_smallint: { type: 'smallint', sample: random => integer(random, 16) },
  a_text: { type: 'text', sample: random => same(text(random)) },
  a_time: {
    type: 'time',
    sample: random => {
      const nanos = BigInt(below(random, 86_400)) * 1_000_000_000n + BigInt(below(random, 1_000_000_000))
      return [nanos, String(nanos)]
    },
  },
  a_timestamp: {
    type: 'timestamp',
    sample: random => {
      const at = new Date(below(random, 2 ** 41))
      return [pick(random, [at, at.toISOString(), at.getTime()]), at.toISOString()]
    },
  },
  a_timeuuid: {
    type: 'timeuuid',
    sample: random => same(hyphened(`${hex(random, 12)}1${hex(random, 3)}8${hex(random, 15)}`)),
  },
  a_tinyint: { type: 'tinyint', sample: random => integer(random, 8) },
  a_uuid: { type: 'uuid', sample: random => same(hyphened(hex(random, 32))) },
  a_varint: { type: 'varint', sample: random => integer(random, 200) },
  a_list: {
    type: 'list<int>',
    sample: random =>
      emptyIsNull(
        many(random, 5, () => Number(whole(random, 32))),
        String,
      ),
  },
  a_set: {
    type: 'set<text>',
    sample: random => {
      const items = uniqueTexts(random)
      return [pick(random, [items, new Set(items)]), items.length === 0 ? null : sorted(items)]
    },
  },
  a_map: {
    type: 'map<text, bigint>',
    sample: random => {
      const entries = sorted(uniqueTexts(random)).map(key => [key, whole(random, 64)] as const)
      const meaning = entries.map(([key, value]) => `${key}=${value}`)
      return [
        pick(random, [new Map(entries), Object.fromEntries(entries)]),
        entries.length === 0 ? null : meaning,
      ]
    },
  },
  a_tuple: {
    type: 'frozen<tuple<int, text, double>>',
    sample: random => {
      const [whole32, words, number] = [Number(whole(random, 32)), text(random), real(random)]
      return [
        [whole32, words, number],
        [String(whole32), words, printed(number)],
      ]
    },
  },
  a_udt: {
    type: 'frozen<address>',
    sample: random => {
      const [street, zip, tags] = [text(random), below(random, 99_999), sorted(uniqueTexts(random))]
      return [{ street, zip, tags }, [`street=${street}`, `zip=${zip}`, `tags=${tags}`]]
    },
  },
  a_vector: {
    type: 'vector<float, 3>',
    sample: random => {
      const items = [0, 1, 2].map(() => Math.fround(random()))
      return [pick(random, [items, new Float32Array(items)]), items.map(printed)]
    },
  },
  a_nested: {
    type: 'list<frozen<map<text, frozen<list<int>>>>>',
    sample: random => {
      const items = many(random, 3, () =>
        sorted(uniqueTexts(random)).map(key => [key, [Number(whole(random, 32)), 7]] as const),
      )
      const meaning = items.map(entries => entries.map(([key, list]) => `${key}=${list}`))
      return [items.map(entries => new Map(entries)), items.length === 0 ? null : meaning]
    },
  },
  a_null: { type: 'text', sample: random => [pick(random, [null, undefined]), null] },
}

function same(value: unknown): Sample {
  return [value, value]
}

function emptyIsNull<T>(items: T[], meaningOf: (item: T) => unknown): Sample {
  return [items, items.length === 0 ? null : items.map(meaningOf)]
}

/** The meaning of a value that the driver read. */
export function meaning(value: unknown): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return printed(value)
  if (value instanceof Date) return value.toISOString()
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (value instanceof types.Duration) {
    const { months, days, nanoseconds } = value as unknown as Record<string, unknown>
    return `${months} ${days} ${nanoseconds}`
  }
  if (value instanceof types.InetAddress) return value.getBuffer().toString('hex')
  if (value instanceof types.LocalTime) return String(value.getTotalNanoseconds())
  if (value instanceof types.Tuple) return value.elements.map(meaning)
  if (value instanceof Float32Array) return [...value].map(printed)
  if (Array.isArray(value)) return value.map(meaning)
  if (typeof value === 'object' && Symbol.iterator in value)
    return [...(value as Iterable<unknown>)].map(meaning)
  if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
    return Object.entries(value as object).map(([name, item]) => `${name}=${meaning(item)}`)
  }
  return String(value)
}
