import { deepEqual } from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable } from 'cassandra-streams'
import { randomFrom } from '../../random.ts'
import type { Suite } from './suite.ts'

interface Change {
  readonly id: number
  readonly op: 'write' | 'delete'
  readonly a?: number | null
  readonly b?: number | null
}

/** The rows of the table when the changes are applied one by one. */
function oneByOne(changes: readonly Change[]): Record<string, unknown>[] {
  const table = new Map<number, Record<string, unknown>>()
  for (const { id, op, a, b } of changes) {
    if (op === 'delete') {
      table.delete(id)
      continue
    }
    const row = table.get(id) ?? { id, a: null, b: null }
    table.set(id, { ...row, ...(a !== undefined && { a }), ...(b !== undefined && { b }) })
  }
  return [...table.values()].sort((one, other) => Number(one['id']) - Number(other['id']))
}

export const order: Suite = {
  async 'leaves the table as if concurrent writes and deletes of few keys were applied one by one'(keyspace) {
    const random = randomFrom(keyspace.surroundings.seed)
    const some = () => [undefined, null, Math.floor(random() * 1000)][Math.floor(random() * 3)]
    const changes = Array.from({ length: 20_000 }, (): Change => {
      const id = Math.floor(random() * 50)
      if (random() < 0.3) return { id, op: 'delete' }
      const [a, b] = [some(), some()]
      return { id, op: 'write', ...(a !== undefined && { a }), ...(b !== undefined && { b }) }
    })
    const table = await keyspace.table('id int PRIMARY KEY, a int, b int')
    const sink = createCassandraWritable({
      ...keyspace.target,
      table,
      concurrency: 200,
      rows_per_batch: 16,
      delete_flag_column: 'op',
      delete_flag_value: 'delete',
    })
    await pipeline(Readable.from(changes), sink)
    const found = await keyspace.all(table)
    found.sort((one, other) => Number(one['id']) - Number(other['id']))
    deepEqual(found, oneByOne(changes))
  },
}
