import { describe, expect, it } from 'vitest'
import { type OperationName, operations } from '../../../lib/table/operations.ts'
import type { ColumnKind, TableSchema } from '../../../lib/table/schema.ts'
import { Statement } from '../../../lib/table/statement.ts'

function table(...columns: [name: string, kind: ColumnKind, cql: string][]): TableSchema {
  return {
    id: 'id',
    keyspace: 'Ks',
    name: 'select',
    columns: columns.map(([name, kind, cql]) => ({
      name,
      kind,
      cql,
      type: { kind: 'scalar', name: 'int' },
    })),
  }
}

const full = table(
  ['p', 'partition_key', 'int'],
  ['c', 'clustering', 'text'],
  ['s', 'static', 'int'],
  ['a"b', 'regular', 'frozen<list<int>>'],
)

describe('the text of a statement', () => {
  it.each<[OperationName, string]>([
    [
      'insert',
      'INSERT INTO "Ks"."select" ("p", "c", "s", "a""b") VALUES ((int)?, (text)?, (int)?, (frozen<list<int>>)?) ' +
        'USING TIMESTAMP ?',
    ],
    ['insert_static', 'INSERT INTO "Ks"."select" ("p", "s") VALUES ((int)?, (int)?) USING TIMESTAMP ?'],
    [
      'update',
      'UPDATE "Ks"."select" USING TIMESTAMP ? SET "s" = (int)?, "a""b" = (frozen<list<int>>)? ' +
        'WHERE "p" = (int)? AND "c" = (text)?',
    ],
    ['update_static', 'UPDATE "Ks"."select" USING TIMESTAMP ? SET "s" = (int)? WHERE "p" = (int)?'],
    ['append_static', 'UPDATE "Ks"."select" USING TIMESTAMP ? SET "s" = (int)? WHERE "p" = (int)?'],
    ['delete', 'DELETE FROM "Ks"."select" USING TIMESTAMP ? WHERE "p" = (int)? AND "c" = (text)?'],
  ])('for %s binds every value, quotes every name and names every type', (operation, cql) => {
    expect(new Statement(operations[operation], full).text(1)).toBe(cql)
  })

  it('for several rows is one unlogged batch of the same statement', () => {
    const statement = new Statement(operations.delete, full)
    const one = statement.text(1)
    expect(statement.text(2)).toBe(`BEGIN UNLOGGED BATCH ${one}; ${one}; APPLY BATCH`)
  })

  it.each<OperationName>([
    'insert',
    'insert_static',
    'update',
    'update_static',
    'append',
    'append_static',
    'delete',
  ])('for %s has one marker for each value it binds, with and without a time to live', operation => {
    for (const ttl of ['table', 'bound', 'forever'] as const) {
      const statement = new Statement(operations[operation], full, ttl)
      for (const rows of [1, 2, 5, 10]) {
        expect(statement.text(rows).match(/\?/g)?.length).toBe(statement.binds * rows)
      }
    }
  })
})

describe('the place of the timestamp and the time to live', () => {
  it('is after the values of an insert, and before them in a delete, which has no time to live', () => {
    expect(new Statement(operations.insert, full, 'bound')).toMatchObject({
      timestampIndex: 4,
      ttlIndex: 5,
      binds: 6,
    })
    expect(new Statement(operations.insert, full)).toMatchObject({
      timestampIndex: 4,
      ttlIndex: undefined,
      binds: 5,
    })
    expect(new Statement(operations.delete, full, 'bound')).toMatchObject({
      timestampIndex: 0,
      ttlIndex: undefined,
      binds: 3,
    })
    expect(new Statement(operations.insert, full, 'bound').text(1)).toContain('USING TIMESTAMP ? AND TTL ?')
  })

  it('does not exist for rows that live forever, because the statement says so for all its rows', () => {
    const forever = new Statement(operations.insert, full, 'forever')
    expect(forever).toMatchObject({ timestampIndex: 4, ttlIndex: undefined, binds: 5 })
    expect(forever.text(2).match(/ USING TIMESTAMP \? AND TTL 0(;|$)/g)).toHaveLength(2)
    expect(new Statement(operations.delete, full, 'forever').text(1)).not.toContain('TTL')
  })
})

describe('the number of rows in a request', () => {
  const wide = table(
    ['p', 'partition_key', 'int'],
    ...Array.from({ length: 2_000 }, (_, i): [string, ColumnKind, string] => [`v${i}`, 'regular', 'int']),
  )

  it('is one of a few fixed numbers, so that the server keeps few statements', () => {
    const statement = new Statement(operations.insert, full)
    const used = new Set<number>()
    for (let available = 1; available <= 5_000; available++) {
      const rows = statement.rowsFor(available)
      used.add(rows)
      expect(rows).toBeGreaterThanOrEqual(1)
      expect(rows).toBeLessThanOrEqual(available)
    }
    expect(used.size).toBe(11)
  })

  it('grows with the number of rows', () => {
    const statement = new Statement(operations.insert, full)
    expect(statement.rowsFor(1)).toBe(1)
    expect(statement.rowsFor(1_000)).toBeGreaterThanOrEqual(25)
  })

  it('is small for a table with many columns, because a request binds at most 65,535 values', () => {
    const statement = new Statement(operations.insert, wide)
    expect(statement.rowsFor(1_000) * statement.binds).toBeLessThanOrEqual(65_535)
    expect(statement.rowsFor(1_000)).toBeLessThan(new Statement(operations.insert, full).rowsFor(1_000))
  })
})
