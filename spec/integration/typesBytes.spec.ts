import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { type CqlType, cqlTypeName, scalarNames } from '../../lib/table/cqlType.ts'
import { literalOf } from '../values/literals.ts'
import { keyType, nestedType, thawed } from '../values/randomTypes.ts'
import { samplesOf } from '../values/samples.ts'
import type { Sample } from '../values/scalars.ts'
import { useKeyspace } from './keyspace.ts'
import { useRawReader } from './rawReader.ts'
import { createTypes, runs, seed, timeout } from './valueTable.ts'

const ks = useKeyspace('types_bytes_spec')

const rawReader = useRawReader()

async function write(table: string, rows: readonly object[], options: object = {}): Promise<void> {
  await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table, ...options }))
}

/** Executes one statement per value, some of them at a time. */
async function executeAll(statements: readonly string[]): Promise<void> {
  for (let i = 0; i < statements.length; i += 50) {
    await Promise.all(statements.slice(i, i + 50).map(cql => ks.client.execute(cql)))
  }
}

/** The server's parser reads a decimal beyond the range of double as Infinity. */
function hasLiteral({ meaning }: Sample): boolean {
  const decimals = JSON.stringify(meaning).matchAll(/"(-?\d+e-?\d+)"/g)
  return [...decimals].every(([, decimal]) => Number.isFinite(Number(decimal)))
}

const hexOf = (bytes: unknown) => (bytes === null ? null : (bytes as Buffer).toString('hex'))

/** Types that share a table, because creating a table takes long. Each type has its own columns. */
interface SharedTable {
  readonly name: string
  readonly types: readonly CqlType[]
}

const TYPES_A_TABLE = 8

async function createTable(given: readonly CqlType[]): Promise<SharedTable> {
  const types: CqlType[] = []
  for (const type of given) types.push(await createTypes(ks, type))
  const columns = types.map((type, i) => {
    const [frozen, free] = [cqlTypeName(type), cqlTypeName(thawed(type))]
    return `bound${i} ${frozen}, literal${i} ${frozen}, free_bound${i} ${free}, free_literal${i} ${free}`
  })
  return { name: await ks.table(`type int, id int, ${columns.join(', ')}, PRIMARY KEY (type, id)`), types }
}

/** Writes values with a sink and as literals. Returns the first difference of their bytes. */
async function differenceIn({ name: table, types }: SharedTable, at: number): Promise<object | undefined> {
  const type = types[at] as CqlType
  const samples = fc.sample(samplesOf(type).filter(hasLiteral), { seed, numRuns: countOf(type) })
  const name = `${ks.name}.${table}`
  await write(
    table,
    samples.map(({ given }, id) => ({ type: at, id, [`bound${at}`]: given, [`free_bound${at}`]: given })),
  )
  const literals = samples.map(({ meaning }) => literalOf(type, meaning))
  await executeAll(
    literals.map(
      (literal, id) =>
        `INSERT INTO ${name} (type, id, literal${at}, free_literal${at}) VALUES (${at}, ${id}, ${literal}, ${literal})`,
    ),
  )
  const columns = ['bound', 'literal', 'free_bound', 'free_literal'].map(
    column => `${column}${at} AS ${column}`,
  )
  const cql = `SELECT id, ${columns.join(', ')} FROM ${name} WHERE type = ${at}`
  const rows = await rawReader.execute(cql, [], { prepare: true, fetchSize: 100_000 })
  expect(rows.rows.length).toBe(samples.length)
  for (const row of rows) {
    const id = (row['id'] as Buffer).readInt32BE(0)
    for (const way of ['', 'free_']) {
      const bound = hexOf(row[`${way}bound`])
      const literal = hexOf(row[`${way}literal`])
      if (bound !== literal) return { way, bound, literal, cql: literals[id], type: cqlTypeName(type) }
    }
  }
  return undefined
}

/** Writes values as primary keys with a sink and as literals. Expects one row per key, which a delete of either form finds. */
async function expectOneKey(type: CqlType, samples: readonly Sample[]): Promise<void> {
  const cql = cqlTypeName(type)
  const table = await ks.table(`id int, k ${cql}, c ${cql}, PRIMARY KEY ((id, k), c)`)
  const name = `${ks.name}.${table}`
  const rows = samples.map(({ given }, id) => ({ id, k: given, c: given }))
  const literals = samples.map(({ meaning }) => literalOf(type, meaning))
  await write(table, rows)
  await executeAll(
    literals.map((literal, id) => `INSERT INTO ${name} (id, k, c) VALUES (${id}, ${literal}, ${literal})`),
  )
  expect((await rawReader.execute(`SELECT id FROM ${name}`)).rows.length).toBe(samples.length)
  await executeAll(
    literals
      .map((literal, id) => `DELETE FROM ${name} WHERE id = ${id} AND k = ${literal} AND c = ${literal}`)
      .filter((_, id) => id % 2 === 0),
  )
  await write(
    table,
    rows.filter(({ id }) => id % 2 === 1).map(row => ({ ...row, gone: 'yes' })),
    { delete_flag_column: 'gone', delete_flag_value: 'yes' },
  )
  expect((await rawReader.execute(`SELECT id FROM ${name}`)).rows).toEqual([])
}

const scalars = scalarNames.map((name): CqlType => ({ kind: 'scalar', name }))
const ordered = scalars.filter(type => type.kind === 'scalar' && type.name !== 'duration')
const int: CqlType = { kind: 'scalar', name: 'int' }
const set = (element: CqlType): CqlType => ({ kind: 'set', element, frozen: true })
const map = (key: CqlType, value: CqlType): CqlType => ({ kind: 'map', key, value, frozen: true })
const list = (element: CqlType): CqlType => ({ kind: 'list', element, frozen: true })
const tuple = (...elements: CqlType[]): CqlType => ({ kind: 'tuple', elements })
const vector = (element: CqlType): CqlType => ({ kind: 'vector', element, dimension: 2 })
const udt = (...types: CqlType[]): CqlType => ({
  kind: 'udt',
  name: 'thing',
  frozen: true,
  fields: types.map((type, i) => ({ name: `Field ${i}`, type })),
})

/** Sets and maps of each scalar where the server keeps the given order, and sets of every kind of set. */
const kept = ordered.flatMap(type => [
  tuple(set(type), map(type, int)),
  udt(set(tuple(type, int)), map(vector(type), set(type))),
  vector(set(type)),
])
const nestings = ordered.flatMap(type => [
  set(set(type)),
  list(map(type, set(type))),
  map(set(map(type, int)), vector(set(type))),
  udt(set(list(type)), set(udt(type, int)), set(set(set(type)))),
])

const title = (type: CqlType, i: number) => ({ type, i, name: cqlTypeName(type).slice(0, 90) })
const random = fc.sample(nestedType, { seed, numRuns: runs >= 1000 ? 60 : 25 })
const randomKeys = fc.sample(keyType, { seed, numRuns: runs >= 1000 ? 30 : 12 })
const count = Math.min(runs, 200)
// The server's parser takes long for them.
const nestedCount = runs >= 1000 ? count : Math.ceil(count / 4)
const countOf = ({ kind }: CqlType) => (kind === 'scalar' ? count : nestedCount)

describe(`${count} values of each scalar and ${nestedCount} of each other type have the bytes of their CQL literals (seed ${seed})`, () => {
  const types = [...scalars, ...kept, ...nestings, ...random]
  const tables: Promise<SharedTable>[] = []

  it.for(types.map(title))('$name ($i)', { timeout }, async ({ i }) => {
    const [group, at] = [Math.floor(i / TYPES_A_TABLE), i % TYPES_A_TABLE]
    const from = group * TYPES_A_TABLE
    tables[group] ??= createTable(types.slice(from, from + TYPES_A_TABLE))
    expect(await differenceIn(await tables[group], at)).toBeUndefined()
  })

  it.for([...ordered, ...kept, ...randomKeys].map(title))(
    'and are the same primary key as their literals: $name ($i)',
    { timeout },
    async ({ type }) => {
      const made = await createTypes(ks, type)
      const samples = fc.sample(samplesOf(made).filter(hasLiteral), { seed, numRuns: countOf(made) })
      await expectOneKey(made, samples)
    },
  )
})
