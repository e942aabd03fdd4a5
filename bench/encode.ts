// npm run bench:encode — what does exactness cost? Our row encoder against the driver's own encoder, on the same rows.
import { createRequire } from 'node:module'
import { types } from 'cassandra-driver'
import { RowEncoder } from '../lib/row/row.ts'
import { parseCqlType } from '../lib/table/cqlType.ts'
import type { TableSchema } from '../lib/table/schema.ts'
import { median } from './median.ts'

const ROWS = 20_000
const ROUNDS = 9

interface DriverEncoder {
  encode(value: unknown, type: unknown): Buffer
}
const Encoder = createRequire(import.meta.url)('cassandra-driver/lib/encoder.js') as new (
  protocolVersion: number,
  options: object,
) => DriverEncoder
const driver = new Encoder(4, { encoding: {} })
const { dataTypes, Long, Uuid } = types

const int = { code: dataTypes.int }
const text = { code: dataTypes.text }
const hex = (i: number) => i.toString(16).padStart(12, '0')

interface Column {
  readonly name: string
  readonly type: string
  readonly driverType: object
  readonly value: (i: number) => unknown
}

const column = (name: string, type: string, driverType: object, value: (i: number) => unknown): Column => ({
  name,
  type,
  driverType,
  value,
})

/** The columns of the load benchmarks, and one table per family of types. */
const tables: Record<string, Column[]> = {
  'the 8 columns of the load benchmarks': [
    column('id', 'uuid', { code: dataTypes.uuid }, i => `6ba7b810-9dad-41d1-80b4-${hex(i)}`),
    column('n', 'int', int, i => i),
    column('a', 'text', text, i => `customer ${i}`),
    column('b', 'text', text, i => `some longer text of a row that goes on and on ${i}`),
    column('d', 'double', { code: dataTypes.double }, i => i / 3),
    column('t', 'timestamp', { code: dataTypes.timestamp }, i => new Date(1.7e12 + i)),
    column('f', 'boolean', { code: dataTypes.boolean }, i => i % 2 === 0),
    column('m', 'int', int, i => -i),
  ],
  'numbers of every size': [
    column('id', 'int', int, i => i),
    column('t', 'tinyint', { code: dataTypes.tinyint }, i => i % 100),
    column('s', 'smallint', { code: dataTypes.smallint }, i => i % 30_000),
    column('b', 'bigint', { code: dataTypes.bigint }, i => Long.fromNumber(i * 1e6)),
    column('f', 'float', { code: dataTypes.float }, i => i / 2),
    column('d', 'double', { code: dataTypes.double }, i => i / 3),
    column('v', 'varint', { code: dataTypes.varint }, i => types.Integer.fromNumber(i * 1000)),
    column('x', 'decimal', { code: dataTypes.decimal }, i => `${i}.25`),
  ],
  'times, addresses and UUID objects': [
    column('id', 'uuid', { code: dataTypes.uuid }, () => Uuid.random()),
    column('t', 'timestamp', { code: dataTypes.timestamp }, i => new Date(1.7e12 + i)),
    column('d', 'date', { code: dataTypes.date }, i => types.LocalDate.fromDate(new Date(i * 864e5))),
    column('c', 'time', { code: dataTypes.time }, i => types.LocalTime.fromMilliseconds(i)),
    column('a', 'inet', { code: dataTypes.inet }, i => `10.0.${i % 256}.1`),
    column('b', 'blob', { code: dataTypes.blob }, i => Buffer.from(`binary ${i}`)),
  ],
  'collections of 10': [
    column('id', 'int', int, i => i),
    column('l', 'list<int>', { code: dataTypes.list, info: int }, i =>
      Array.from({ length: 10 }, (_, k) => i + k),
    ),
    column('s', 'set<text>', { code: dataTypes.set, info: text }, i =>
      Array.from({ length: 10 }, (_, k) => `tag ${i + k}`),
    ),
    column('m', 'map<text, int>', { code: dataTypes.map, info: [text, int] }, i =>
      Object.fromEntries(Array.from({ length: 10 }, (_, k) => [`key ${k}`, i])),
    ),
  ],
}

const milliseconds = (act: () => void) => {
  const from = process.cpuUsage()
  act()
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1000
}

for (const [title, columns] of Object.entries(tables)) {
  const schema: TableSchema = {
    id: '',
    keyspace: 'k',
    name: 't',
    columns: columns.map(({ name, type }, i) => ({
      name,
      cql: type,
      kind: i === 0 ? 'partition_key' : 'regular',
      type: parseCqlType(type, () => undefined),
    })),
  }
  const rows = Array.from({ length: ROWS }, (_, i) =>
    Object.fromEntries(columns.map(({ name, value }) => [name, value(i)])),
  )
  const encoder = new RowEncoder(schema, {
    delete_flag: undefined,
    ttl: undefined,
    ttl_column: undefined,
    timestamp_column: undefined,
    nulls: 'write',
    max_row_bytes: 2 ** 20,
  })
  const ours = () => {
    for (const [i, row] of rows.entries()) encoder.encode(row, i)
  }
  const theirs = () => {
    for (const row of rows) {
      const params = columns.map(({ name }) => row[name])
      for (const [i, { driverType }] of columns.entries()) driver.encode(params[i], driverType)
    }
  }
  const times = { ours: [] as number[], theirs: [] as number[] }
  for (let round = -2; round < ROUNDS; round++) {
    const pair = { ours: milliseconds(ours), theirs: milliseconds(theirs) }
    if (round < 0) continue
    times.ours.push(pair.ours)
    times.theirs.push(pair.theirs)
  }
  const ratio = median(times.ours.map((time, i) => time / (times.theirs[i] ?? Number.NaN)))
  const each = (list: number[]) => ((median(list) * 1000) / ROWS).toFixed(2)
  console.log(
    `${title}: ours ${each(times.ours)} µs of CPU per row, driver ${each(times.theirs)}, ratio ${ratio.toFixed(2)}`,
  )
}
