import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import fc from 'fast-check'
import { afterAll, inject } from 'vitest'
import { createCassandraWritable, RowError } from '../../lib/index.ts'
import { type CqlType, cqlTypeName, quoteIdentifier } from '../../lib/table/cqlType.ts'
import { asJson, type Meaning, meaningOfJson, meaningOfRead } from '../values/meaning.ts'
import { isReadable, thawed } from '../values/randomTypes.ts'
import type { Sample } from '../values/scalars.ts'
import type { Keyspace } from './keyspace.ts'

/** Number of values per type. `npm run test:types -- --runs 5000 --seed 7` sets it and the seed. */
export const runs = Number(process.env['TYPES_RUNS'] ?? 80)
export const seed = Number(process.env['TYPES_SEED'] ?? Date.now() % 1_000_000)
export const timeout = 60_000 + runs * 100

let reader: Client | undefined

/** Reads maps as Map. As objects, which are the driver's default, they would lose the types of their keys. */
function mapReader(): Client {
  const { host, port, localDataCenter } = inject('cassandra')
  reader ??= new Client({
    contactPoints: [`${host}:${port}`],
    localDataCenter,
    encoding: { map: Map },
    socketOptions: { readTimeout: 60_000 },
  })
  return reader
}

afterAll(() => reader?.shutdown())

/** After an answer that it cannot decode, a connection of the driver mixes up answers. The client is then replaced. */
async function* rowsOf(cql: string): AsyncGenerator<Stored> {
  try {
    yield* await mapReader().execute(cql, [], { prepare: true, fetchSize: 1000 })
  } catch (error) {
    const broken = reader
    reader = undefined
    await broken?.shutdown()
    throw error
  }
}

/** The columns of a row by name. All of them hold the same value. */
type Stored = Readonly<Record<string, unknown>>

/** The stored bytes of a value, for scalar types of which JSON does not show everything. */
const storedBytes: Readonly<Record<string, (meaning: string) => string>> = {
  float: meaning => hexOf(4, view => view.setFloat32(0, Number(meaning))),
  double: meaning => hexOf(8, view => view.setFloat64(0, Number(meaning))),
  timestamp: meaning => hexOf(8, view => view.setBigInt64(0, BigInt(meaning))),
  inet: meaning => meaning,
}

function hexOf(size: number, write: (view: DataView) => void): string {
  const bytes = new ArrayBuffer(size)
  write(new DataView(bytes))
  return Buffer.from(bytes).toString('hex')
}

/**
 * A table whose columns all have one type: a partition key column, a clustering column in descending order, a static and a
 * regular column. Their names need quotes or have a meaning in JavaScript.
 */
export class ValueTable {
  readonly type: CqlType
  readonly #keyspace: Keyspace
  readonly #isKey: boolean
  readonly #columns: readonly string[]
  #name = ''
  #next = 0

  private constructor(keyspace: Keyspace, type: CqlType) {
    this.type = type
    this.#keyspace = keyspace
    // Keys need an order, and durations have none.
    this.#isKey = !JSON.stringify(type).includes('duration')
    this.#columns = this.#isKey ? ['constructor', 'toString', 'Zip code', 'v'] : ['Zip code', 'v']
  }

  static async create(keyspace: Keyspace, anyType: CqlType): Promise<ValueTable> {
    const table = new ValueTable(keyspace, await createTypes(keyspace, anyType))
    const key = cqlTypeName(table.type)
    const free = cqlTypeName(thawed(table.type))
    const keys = table.#isKey ? `"constructor" ${key}, "toString" ${key}` : '"toString" int'
    const partition = table.#isKey ? '("Id", "constructor")' : '"Id"'
    table.#name = await keyspace.table(
      `"Id" int, ${keys}, "Zip code" ${free} static, v ${free}, PRIMARY KEY (${partition}, "toString")`,
      'CLUSTERING ORDER BY ("toString" DESC)',
    )
    return table
  }

  get target() {
    return { ...this.#keyspace.target, table: this.#name }
  }

  /** A row with the value in every column. Every fifth row has static columns only, without clustering key. */
  row(given: unknown, id: number): Stored {
    const partition = this.#isKey ? { Id: id, constructor: given } : { Id: id }
    const isStatic = id % 5 === 4
    if (isStatic) return { ...partition, 'Zip code': given }
    return { ...partition, toString: this.#isKey ? given : id, 'Zip code': given, v: given }
  }

  /** The first id for the next rows. */
  take(count: number): number {
    const first = this.#next
    // A multiple of five, so that ids modulo five tell the kind of row.
    this.#next += Math.ceil(count / 5) * 5
    return first
  }

  /** Writes values through a sink and reads them back. Returns what is wrong with which value, or undefined. */
  async faultOf(samples: readonly Sample[]): Promise<{ index: number; what: string } | undefined> {
    const first = this.take(samples.length)
    const rows = samples.map(({ given }, i) => this.row(given, first + i))
    try {
      await pipeline(Readable.from(rows), createCassandraWritable(this.target))
    } catch (error) {
      if (!(error instanceof RowError)) throw error
      return { index: error.row_index, what: error.message }
    }
    const meanings = new Map(samples.map(({ meaning }, i) => [first + i, meaning]))
    const difference = await this.differenceFrom(meanings)
    return difference && { index: difference.id - first, what: difference.what }
  }

  /** Compares what is stored under each id, read by the driver and as the server's own text. */
  async differenceFrom(
    meanings: ReadonlyMap<number, Meaning>,
  ): Promise<{ id: number; what: string } | undefined> {
    const missing = new Set(meanings.keys())
    for await (const row of rowsOf(this.#select(meanings.size === 1 ? [...missing][0] : undefined))) {
      const id = row['Id'] as number
      const meaning = meanings.get(id)
      if (meaning === undefined) continue
      missing.delete(id)
      const what = this.#differenceIn(row, meaning)
      if (what !== undefined) return { id, what }
    }
    for (const id of missing) {
      // A partition does not exist if its only static column is null.
      const isNothing = id % 5 === 4 && asThawed(this.type, meanings.get(id) ?? null) === null
      if (!isNothing) return { id, what: 'the row is not there' }
    }
    return undefined
  }

  /** The values of the regular column by id, as the driver reads them. */
  async values(): Promise<ReadonlyMap<number, unknown>> {
    const found = new Map<number, unknown>()
    const cql = `SELECT "Id", v FROM ${this.#keyspace.name}.${this.#name}`
    for await (const row of rowsOf(cql)) {
      if (row['v'] !== null) found.set(row['Id'] as number, row['v'])
    }
    return found
  }

  #select(id: number | undefined): string {
    const toBytes = this.type.kind === 'scalar' ? storedBytes[this.type.name] : undefined
    const selected = this.#columns.flatMap((name, i) => [
      ...(isReadable(this.type) ? [`${quoteIdentifier(name)} AS read${i}`] : []),
      `toJson(${quoteIdentifier(name)}) AS json${i}`,
      ...(toBytes === undefined
        ? []
        : [`${cqlTypeName(this.type)}AsBlob(${quoteIdentifier(name)}) AS bytes${i}`]),
    ])
    const where = id === undefined ? '' : ` WHERE "Id" = ${id} ALLOW FILTERING`
    return `SELECT "Id", ${selected.join(', ')} FROM ${this.#keyspace.name}.${this.#name}${where}`
  }

  #differenceIn(row: Stored, meaning: Meaning): string | undefined {
    for (const [i, name] of this.#columns.entries()) {
      const isStatic = (row['Id'] as number) % 5 === 4
      const isAbsent = isStatic && (name === 'toString' || name === 'v')
      const isThawed = name === 'Zip code' || name === 'v'
      const expected = isAbsent ? null : isThawed ? asThawed(this.type, meaning) : meaning
      const ways: [way: string, read: () => Meaning, expected: Meaning][] = [
        ['toJson', () => meaningOfJson(this.type, row[`json${i}`] as string), asJson(this.type, expected)],
      ]
      if (isReadable(this.type)) {
        ways.push([
          'the driver',
          () => meaningOfRead(this.type, row[`read${i}`]),
          asRead(this.type, expected),
        ])
      }
      const bytes = row[`bytes${i}`]
      const toBytes = this.type.kind === 'scalar' ? storedBytes[this.type.name] : undefined
      if (toBytes !== undefined && typeof expected === 'string') {
        ways.push(['AsBlob', () => (bytes as Buffer).toString('hex'), toBytes(expected)])
      }
      for (const [way, read, wanted] of ways) {
        const got = JSON.stringify(read())
        if (got !== JSON.stringify(wanted)) {
          return `\`${name}\` reads ${got} by ${way}, expected ${JSON.stringify(wanted)}`
        }
      }
    }
    return undefined
  }
}

/** The driver reads a timestamp beyond the range of Date as an invalid Date. */
function asRead(type: CqlType, meaning: Meaning): Meaning {
  const isMoment = type.kind === 'scalar' && type.name === 'timestamp' && typeof meaning === 'string'
  return isMoment && Math.abs(Number(meaning)) > 8_640_000_000_000_000 ? 'NaN' : meaning
}

/** Non-frozen empty collections, and non-frozen user-defined types whose fields are all null, read as null. */
function asThawed(type: CqlType, meaning: Meaning): Meaning {
  if (!Array.isArray(meaning) || !('frozen' in type)) return meaning
  const isNothing = type.kind === 'udt' ? meaning.every(field => field === null) : meaning.length === 0
  return isNothing ? null : meaning
}

/** Writes `runs` values and compares each. For a wrong value it shows the smallest value that is wrong too. */
export async function storesExactly(table: ValueTable, samples: fc.Arbitrary<Sample>): Promise<void> {
  const fault = await table.faultOf(fc.sample(samples, { seed, numRuns: runs }))
  if (fault === undefined) return
  const property = fc.asyncProperty(samples, async sample => {
    const again = await table.faultOf([sample])
    if (again !== undefined) throw new Error(again.what)
  })
  const replay = { seed, path: String(fault.index), interruptAfterTimeLimit: 30_000 }
  const smallest = await fc.check(property, replay)
  throw new Error(
    `${fault.what}\nseed ${seed}, value ${fault.index}\n${fc.defaultReportMessage(smallest) ?? 'the value alone is stored correctly'}`,
  )
}

/** Names of user-defined types, by keyspace and fields. */
const typesMade = new Map<string, string>()

/** Creates the user-defined types that a type contains, from the inside out. Types with different fields get different names. */
export async function createTypes(keyspace: Keyspace, type: CqlType): Promise<CqlType> {
  const inside = (part: CqlType) => createTypes(keyspace, part)
  switch (type.kind) {
    case 'scalar':
      return type
    case 'list':
    case 'set':
    case 'vector':
      return { ...type, element: await inside(type.element) }
    case 'map':
      return { ...type, key: await inside(type.key), value: await inside(type.value) }
    case 'tuple': {
      const elements: CqlType[] = []
      for (const element of type.elements) elements.push(await inside(element))
      return { ...type, elements }
    }
    case 'udt': {
      const fields: { name: string; type: CqlType }[] = []
      for (const field of type.fields) fields.push({ name: field.name, type: await inside(field.type) })
      const listed = fields
        .map(field => `${quoteIdentifier(field.name)} ${cqlTypeName(field.type)}`)
        .join(', ')
      const known = typesMade.get(`${keyspace.name} ${listed}`)
      if (known !== undefined) return { ...type, name: known, fields }
      const name = `"Type ${typesMade.size + 1}"`
      await keyspace.client.execute(`CREATE TYPE ${keyspace.name}.${name} (${listed})`)
      typesMade.set(`${keyspace.name} ${listed}`, name)
      return { ...type, name, fields }
    }
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}
