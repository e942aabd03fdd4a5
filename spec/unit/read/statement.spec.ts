import { describe, expect, it } from 'vitest'
import { SchemaError } from '../../../lib/errors.ts'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { ReadStatement } from '../../../lib/read/statement.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { TableSchema } from '../../../lib/table/schema.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

const schema: TableSchema = {
  id: '',
  keyspace: 'ks',
  name: 't',
  columns: [{ name: 'id', kind: 'partition_key', cql: 'int', type: parseCqlType('int', () => undefined) }],
}
const statement = new ReadStatement(
  schema,
  readSettingsOf({ client: new FakeClient().asClient, keyspace: 'ks', table: 't' }),
)

describe('the columns of a page', () => {
  const columnsOf = (...names: string[]) =>
    names.map(name => ({
      name,
      kind: 'regular' as const,
      cql: 'int',
      type: parseCqlType('int', () => undefined),
    }))
  const wide = { ...schema, columns: [...schema.columns, ...columnsOf('b', 'q')] }
  const settings = { client: new FakeClient().asClient, keyspace: 'ks', table: 't' }
  const all = new ReadStatement(wide, readSettingsOf(settings))
  const some = new ReadStatement(wide, readSettingsOf({ ...settings, columns: ['q', 'id'] }))
  const page = (...names: string[]) => ({
    rows: [],
    size: 0,
    columns: names.map(name => ({ name, type: { code: 0x09 } })),
    next: undefined,
  })
  const named = (layout: readonly ({ readonly name: string } | undefined)[]) =>
    layout.map(column => column?.name)

  it('are all of the table, which Cassandra reads with less work than a list of them, or those of the list', () => {
    expect(all.of(undefined, undefined).cql).toContain('SELECT * FROM')
    expect(some.of(undefined, undefined).cql).toContain('SELECT "q", "id" FROM')
    const positions = readSettingsOf({ ...settings, after: null })
    expect(new ReadStatement(wide, positions).of(undefined, undefined).cql).toContain(
      'SELECT "id", "b", "q", token(',
    )
  })

  it('may have another order, and others that were added', () => {
    expect(named(all.layoutOf(page('id', 'q', 'b')))).toEqual(['id', 'q', 'b'])
    expect(named(all.layoutOf(page('id', 'a', 'b', 'q', 'z')))).toEqual([
      'id',
      undefined,
      'b',
      'q',
      undefined,
    ])
    expect(all.layoutOf(page('id', 'a', 'b', 'q', 'z'))).toBe(all.layoutOf(page('id', 'a', 'b', 'q', 'y')))
    expect(named(some.layoutOf(page('q', 'id')))).toEqual(['q', 'id'])
  })

  it('end the read if one is missing, a listed one is at another place, or one has another type', () => {
    expect(() => all.layoutOf(page('id', 'b'))).toThrow(SchemaError)
    expect(() => some.layoutOf(page('id', 'q'))).toThrow(SchemaError)
    const { columns, ...rest } = page('id', 'b', 'q')
    const changed = columns.map(column =>
      column.name === 'b' ? { ...column, type: { code: 0x0d } } : column,
    )
    expect(() => all.layoutOf({ ...rest, columns: changed })).toThrow(SchemaError)
  })
})

describe('a read of a table that is dropped', () => {
  it('says what happened and what to do, and quotes the server last', () => {
    const cause = Object.assign(new Error('table t does not exist'), { code: 0x2200 })
    const error = statement.explain(cause, 'schema', '')
    expect(error).toBeInstanceOf(SchemaError)
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_SCHEMA_CHANGED',
      message:
        'ks.t was dropped, created again or altered while it was read, so the read has ended. If the table still exists, ' +
        'start the read again. Cassandra reported: table t does not exist',
      cause,
    })
  })
})

describe('a level that the server refuses', () => {
  const messageOf = (words: string) =>
    statement.explain(Object.assign(new Error(words), { code: 0x2200 }), 'consistency', ', here,').message

  it.each([
    [
      'ConsistencyLevel LOCAL_ONE is unsupported with Accord for read, supported are [ONE, QUORUM, ALL, SERIAL]',
      'QUORUM (or ONE, ALL)',
    ],
    [
      'Provided values [LOCAL_ONE] are not allowed for Read Consistency Levels (ignored values are: [])',
      'another level',
    ],
  ])('names the option to set: %s', (words, level) => {
    expect(messageOf(words)).toBe(
      `ks.t cannot be read at consistency LOCAL_ONE: set the option \`consistency\` to ${level}. Cassandra reported: ${words}`,
    )
  })
})
