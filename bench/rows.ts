/** A row of the load benchmarks, as a program has it after parsing: every contender gets the same. */
export interface Row {
  readonly id: string
  readonly n: number
  readonly a: string
  readonly b: string
  readonly d: number
  readonly t: Date
  readonly f: boolean
  readonly m: number
}

export interface DataSet {
  readonly title: string
  readonly primaryKey: string
  readonly row: (i: number) => Row
}

export const columns: Readonly<Record<keyof Row, string>> = {
  id: 'uuid',
  n: 'int',
  a: 'text',
  b: 'text',
  d: 'double',
  t: 'timestamp',
  f: 'boolean',
  m: 'int',
}

export const columnNames = Object.keys(columns) as (keyof Row)[]

const ROWS_PER_PARTITION = 50
const SERIES = 200

const uuid = (i: number) => `6ba7b810-9dad-41d1-80b4-${i.toString(16).padStart(12, '0')}`

const row = (partition: number, n: number, i: number, b: string): Row => ({
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

/** Fills a row up to 1 KiB of encoded values: the seven other columns take about 64 bytes. */
const KIBIBYTE_NOTE = 'x'.repeat(960)

export const dataSets = {
  a: {
    title: 'one row a partition',
    primaryKey: 'id',
    row: i => row(i, i, i, note(i)),
  },
  b: {
    title: 'sorted, 50 rows a partition',
    primaryKey: 'id, n',
    row: i => row(Math.floor(i / ROWS_PER_PARTITION), i % ROWS_PER_PARTITION, i, note(i)),
  },
  c: {
    title: 'series, 200 partitions interleaved',
    primaryKey: 'id, n',
    row: i => row(i % SERIES, Math.floor(i / SERIES), i, note(i)),
  },
  d: {
    title: 'one row a partition, 1 KiB a row',
    primaryKey: 'id',
    row: i => row(i, i, i, KIBIBYTE_NOTE),
  },
} satisfies Record<string, DataSet>

export type DataName = keyof typeof dataSets

export function* generate(data: DataSet, count: number): Generator<Row> {
  for (let i = 0; i < count; i++) yield data.row(i)
}
