/** A table and its rows, as a program has them after parsing. Every contender gets the same rows. */
export interface DataSet {
  readonly title: string
  /** Name to CQL type, in the order of the properties of a row. */
  readonly columns: Readonly<Record<string, string>>
  readonly primaryKey: string
  readonly row: (i: number) => Readonly<Record<string, unknown>>
}

/** The 8 columns of the load benchmarks. */
const columns = {
  id: 'uuid',
  n: 'int',
  a: 'text',
  b: 'text',
  d: 'double',
  t: 'timestamp',
  f: 'boolean',
  m: 'int',
}

const ROWS_PER_PARTITION = 50
const SERIES = 200

const uuid = (i: number) => `6ba7b810-9dad-41d1-80b4-${i.toString(16).padStart(12, '0')}`

const row = (partition: number, n: number, i: number, b: string) => ({
  id: uuid(partition),
  n,
  a: `customer ${i % 1000}`,
  b,
  d: i / 3,
  t: new Date(1_700_000_000_000 + i * 1000),
  f: i % 2 === 0,
  m: -i,
})

const note = (i: number) => `some longer text of a row that goes on and on ${i}`

/** A text that fills a row up to 1 KiB of values. Each call makes a new string, like a source. */
const kibibyteNote = (i: number) => `${i} `.padEnd(968, 'some longer text ')

export const dataSets = {
  a: {
    title: 'one row a partition',
    columns,
    primaryKey: 'id',
    row: i => row(i, i, i, note(i)),
  },
  b: {
    title: 'sorted, 50 rows a partition',
    columns,
    primaryKey: 'id, n',
    row: i => row(Math.floor(i / ROWS_PER_PARTITION), i % ROWS_PER_PARTITION, i, note(i)),
  },
  c: {
    title: 'series, 200 partitions interleaved',
    columns,
    primaryKey: 'id, n',
    row: i => row(i % SERIES, Math.floor(i / SERIES), i, note(i)),
  },
  d: {
    title: 'one row a partition, 1 KiB a row',
    columns,
    primaryKey: 'id',
    row: i => row(i, i, i, kibibyteNote(i)),
  },
  e: {
    title: 'sorted, 50 rows a partition, 1 KiB a row',
    columns,
    primaryKey: 'id, n',
    row: i => row(Math.floor(i / ROWS_PER_PARTITION), i % ROWS_PER_PARTITION, i, kibibyteNote(i)),
  },
  f: {
    title: 'one partition',
    columns,
    primaryKey: 'id, n',
    row: i => row(0, i, i, note(i)),
  },
  wide4: wide(4),
  wide40: wide(40),
  wide400: wide(400),
} satisfies Record<string, DataSet>

export type DataName = keyof typeof dataSets

export function isDataName(name: string): name is DataName {
  return Object.hasOwn(dataSets, name)
}

export function* generate(data: DataSet, count: number): Generator<Readonly<Record<string, unknown>>> {
  for (let i = 0; i < count; i++) yield data.row(i)
}

/** One row per partition, with a uuid and then int, text and double columns in turn. */
function wide(count: number): DataSet {
  const kinds = ['int', 'text', 'double'] as const
  const value = { int: (i: number) => i, text: (i: number) => `value ${i}`, double: (i: number) => i / 3 }
  const others = Array.from({ length: count - 1 }, (_, at) => ({
    name: `c${at}`,
    kind: kinds[at % kinds.length] ?? 'int',
  }))
  return {
    title: `${count} columns`,
    columns: { id: 'uuid', ...Object.fromEntries(others.map(({ name, kind }) => [name, kind])) },
    primaryKey: 'id',
    row: i => {
      const cells: Record<string, unknown> = { id: uuid(i) }
      for (const [at, { name, kind }] of others.entries()) cells[name] = value[kind](i + at)
      return cells
    },
  }
}
