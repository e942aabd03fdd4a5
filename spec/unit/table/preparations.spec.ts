import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import { operations } from '../../../lib/table/operations.ts'
import {
  type BoundType,
  fits,
  Preparations,
  TypesDiffer,
  TypesUntold,
} from '../../../lib/table/preparations.ts'
import type { Column } from '../../../lib/table/schema.ts'
import { Statement } from '../../../lib/table/statement.ts'

const { dataTypes } = types
const scalar = (name: keyof typeof dataTypes): BoundType => ({ code: dataTypes[name] })
const udt = (...fields: [name: string, type: BoundType][]): BoundType => ({
  code: dataTypes.udt,
  info: { keyspace: 'ks', name: 'u', fields: fields.map(([name, type]) => ({ name, type })) },
})
const typeOf = (cql: string) =>
  parseCqlType(cql, () => [
    { name: 'a', type: 'int' },
    { name: 'b', type: 'text' },
  ])
const [a, b] = [
  ['a', scalar('int')],
  ['b', scalar('varchar')],
] as [[string, BoundType], [string, BoundType]]

describe('a type in the answer to PREPARE', () => {
  it.each<[string, BoundType]>([
    ['int', scalar('int')],
    ['text', scalar('varchar')],
    ['u', udt(a, b)],
    ['u', udt(a, b, ['c', scalar('int')])],
    ['u', udt(a)],
    ['list<frozen<u>>', { code: dataTypes.list, info: udt(a, b) }],
    ['map<text, frozen<u>>', { code: dataTypes.map, info: [scalar('varchar'), udt(a, b)] }],
    ['tuple<int, frozen<u>>', { code: dataTypes.tuple, info: [scalar('int'), udt(a, b)] }],
    ['duration', { code: dataTypes.custom, info: 'org.apache.cassandra.db.marshal.DurationType' }],
  ])('accepts values that are encoded as %s if it is %j', (cql, bound) => {
    expect(fits(bound, typeOf(cql))).toBe(true)
  })

  it.each<[string, BoundType]>([
    ['int', scalar('float')],
    ['text', scalar('blob')],
    ['u', udt(['a', scalar('float')], b)],
    ['u', udt(b, a)],
    ['u', udt(['x', scalar('int')], b)],
    ['set<frozen<u>>', { code: dataTypes.set, info: udt(['a', scalar('bigint')]) }],
    ['map<frozen<u>, int>', { code: dataTypes.map, info: [udt(b), scalar('int')] }],
    ['tuple<frozen<u>>', { code: dataTypes.tuple, info: [udt(a, b), scalar('int')] }],
  ])('refuses values that are encoded as %s if it is %j', (cql, bound) => {
    expect(fits(bound, typeOf(cql))).toBe(false)
  })
})

describe('a statement that is prepared', () => {
  const columns = [
    { name: 'id', kind: 'partition_key' as const, cql: 'int', type: typeOf('int') },
    { name: 'u', kind: 'regular' as const, cql: 'frozen<u>', type: typeOf('frozen<u>') },
  ]
  const insert = new Statement(operations.insert, { id: 'id', keyspace: 'ks', name: 't', columns })
  const prepared = (...columns: BoundType[]) => ({ columns: columns.map(type => ({ type })) })

  it('counts as prepared again only if its statement gets another answer', () => {
    let again = 0
    const preparations = new Preparations({ readAt: 0, suspect: () => void again++ })
    const first = prepared(scalar('int'), udt(a, b))
    preparations.check(first, insert, 1)
    preparations.check(first, insert, 1)
    preparations.check(prepared(scalar('int'), udt(a, b)), insert, 2)
    expect(again).toBe(0)
    preparations.check(prepared(scalar('int'), udt(a, b)), insert, 1)
    expect(again).toBe(1)
  })

  it('sends nothing to a vector of a user-defined type until the schema is read, because no answer has its fields', () => {
    const vector = {
      name: 'v',
      kind: 'regular' as const,
      cql: 'vector<frozen<u>, 1>',
      type: typeOf('vector<frozen<u>, 1>'),
    }
    const ofVector = new Statement(operations.insert, {
      id: 'id',
      keyspace: 'ks',
      name: 't',
      columns: [columns[0] as Column, vector],
    })
    const table = { readAt: 0, suspect: () => {} }
    const preparations = new Preparations(table)
    const custom = { code: dataTypes.custom, info: 'VectorType' }
    for (let times = 0; times < 2; times++) {
      const answer = prepared(scalar('int'), custom)
      expect(() => preparations.check(answer, ofVector, 1)).toThrow(TypesUntold)
      expect(() => preparations.check(answer, ofVector, 1)).toThrow(TypesUntold)
      table.readAt = performance.now() + 1
      preparations.check(answer, ofVector, 1)
      table.readAt = 0
    }
  })

  it('sends nothing if the types differ', () => {
    const preparations = new Preparations({ readAt: 0, suspect: () => {} })
    const other = prepared(scalar('int'), udt(['a', scalar('float')], b))
    expect(() => preparations.check(other, insert, 1)).toThrow(TypesDiffer)
    expect(() => preparations.check(other, insert, 1)).toThrow(TypesDiffer)
  })
})
