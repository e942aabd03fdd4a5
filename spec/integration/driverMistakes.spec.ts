import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { createCassandraWritable, RowError } from '../../lib/index.ts'
import { cqlTypeName, quoteIdentifier } from '../../lib/table/cqlType.ts'
import { address, refused, stored, typeOf } from '../values/driverMistakes.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('driver_mistakes_spec')

let table = ''
let nextId = 0

/** A table with a column of each type that is named like its type. */
beforeAll(async () => {
  const fields = address.map(({ name, type }) => `${name} ${type}`)
  await ks.client.execute(`CREATE TYPE ${ks.name}.address (${fields.join(', ')})`)
  const names = new Set([...refused, ...stored].map(([, type]) => type))
  const columns = [...names].map(name => `${quoteIdentifier(name)} ${name}`)
  table = await ks.table(`id int PRIMARY KEY, before int, ${columns.join(', ')}`)
})

async function write(rows: readonly object[], into = table): Promise<unknown> {
  const target = { client: ks.client, keyspace: ks.name, table: into }
  return pipeline(Readable.from(rows), createCassandraWritable(target)).catch((error: unknown) => error)
}

async function json(id: number, column = '*', from = table): Promise<string[]> {
  const cql = `SELECT JSON ${column} FROM ${ks.name}.${from} WHERE id = ?`
  return (await ks.select(cql, [id])).map(row => row['[json]'] as string)
}

describe('refused by a sink, where the driver stores', () => {
  it.each(refused)('%o as %s: %s', async (value, type, _, why) => {
    const [good, bad] = [nextId++, nextId++]
    const error = await write([
      { id: good, before: good },
      { id: bad, [type]: value },
    ])
    expect(error).toBeInstanceOf(RowError)
    const { code, row_index, column, cql_type, message, counts } = error as RowError
    expect({ code, row_index }).toEqual({ code: 'ERR_CASSANDRA_VALUE', row_index: 1 })
    // A refused part has a path and its own type.
    const at = column?.slice(type.length)
    expect(column).toBe(`${type}${at}`)
    if (at === '') expect(cql_type).toBe(cqlTypeName(typeOf(type)))
    else expect({ at, cql_type }).toEqual({ at: '[1]', cql_type: 'float' })
    expect(message).toContain(`Row 1 (counted from 0 in this stream), column \`${column}\` (${cql_type}): `)
    expect(message).toContain(` ${why}; expected `)
    expect(counts).toMatchObject({ rows_accepted: 1, rows_written: 1 })
    expect(await json(good, 'id, before')).toEqual([`{"id": ${good}, "before": ${good}}`])
    expect(await json(bad)).toEqual([])
  })
})

describe('stored exactly by a sink, where the driver stores something else or refuses', () => {
  it.each(stored)('%o as %s: %s', async (value, type, _driver, _bytes, shown) => {
    const id = nextId++
    expect(await write([{ id, [type]: value }])).toBeUndefined()
    const alias = `${quoteIdentifier(type)} AS v`
    expect(await json(id, alias)).toEqual([`{"v": ${shown}}`])
  })
})

describe('rows with a misleading shape', () => {
  it.each(['__proto__', 'constructor', 'toString'])(
    '%s is a column if it is an own property of the row, and not if the row inherits it',
    async name => {
      const into = await ks.table(`id int PRIMARY KEY, ${quoteIdentifier(name)} text`)
      const own = Object.defineProperty({ id: 1 }, name, { value: 'own', enumerable: true })
      const inherited = Object.assign(Object.create({ [name]: 'inherited' }) as object, { id: 2 })
      expect(await write([own, inherited, { id: 3 }], into)).toBeUndefined()
      const alias = `${quoteIdentifier(name)} AS v`
      expect(await json(1, alias, into)).toEqual(['{"v": "own"}'])
      expect(await json(2, alias, into)).toEqual(['{"v": null}'])
      expect(await json(3, alias, into)).toEqual(['{"v": null}'])
    },
  )

  it('a row that is changed after write() is stored as it was before', async () => {
    const id = nextId++
    const row = { id, int: 1, 'list<int>': [1], blob: Buffer.of(1) }
    const sink = createCassandraWritable({ client: ks.client, keyspace: ks.name, table })
    const done = new Promise((resolve, reject) => sink.on('finish', resolve).on('error', reject))
    sink.write(row)
    Object.assign(row, { id: -1, int: 2 })
    row['list<int>'].push(2)
    row.blob.fill(2)
    sink.end()
    await done
    const found = await json(id, 'int, "list<int>", blob')
    expect(found).toEqual(['{"int": 1, "list<int>": [1], "blob": "0x01"}'])
    expect(await json(-1)).toEqual([])
  })
})
