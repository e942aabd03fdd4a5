import { describe, expect, it } from 'vitest'
import { rowOrderOf } from '../../../lib/read/rowOrder.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { TableSchema } from '../../../lib/table/schema.ts'

const column = (name: string, kind: 'partition_key' | 'clustering', cql: string, isDescending?: true) => ({
  name,
  kind,
  cql,
  type: parseCqlType(cql, () => undefined),
  ...(isDescending && { isDescending }),
})

const schema: TableSchema = {
  id: '',
  keyspace: 'k',
  name: 't',
  columns: [
    column('a', 'partition_key', 'text'),
    column('b', 'partition_key', 'int'),
    column('c', 'clustering', 'int', true),
    column('d', 'clustering', 'timeuuid'),
  ],
}

function key(token: bigint, ...parts: (Buffer | null)[]): Buffer {
  const head = Buffer.alloc(8)
  head.writeBigInt64BE(token)
  const sized = parts.map(part => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(part?.length ?? -1)
    return Buffer.concat([length, part ?? Buffer.alloc(0)])
  })
  return Buffer.concat([head, ...sized])
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string) => Buffer.from(value)
const uuid = (hex: string) => Buffer.from(hex.replaceAll('-', ''), 'hex')
const early = uuid('ffffffff-0000-1000-8080-808080808080')
const late = uuid('00000000-0001-1000-8080-808080808080')

/** Rows in Cassandra's order. */
const inOrder = [
  key(-5n, text('z'), int(9), int(0), early),
  // Two partitions with the same token, in the order of their bytes. The shorter text is first, because its length precedes it.
  key(3n, text('b'), int(1), null, null),
  key(3n, text('b'), int(1), int(7), early),
  key(3n, text('b'), int(1), int(7), late),
  key(3n, text('b'), int(1), int(-7), early),
  key(3n, text('aa'), int(1), int(9), early),
  key(2n ** 63n - 1n, text('a'), int(1), Buffer.alloc(0), early),
]

describe('the order of rows', () => {
  it('is the order of tokens, then of the bytes of partition keys, then of clustering columns', () => {
    const order = rowOrderOf(schema, true)
    for (const [i, one] of inOrder.entries()) {
      for (const [j, other] of inOrder.entries()) expect(Math.sign(order(one, other))).toBe(Math.sign(i - j))
    }
  })

  it('is the order of the values of partition keys if the conditions name them', () => {
    const order = rowOrderOf(schema, false)
    const byKey = [
      key(9n, text('a'), int(-3), int(5), early),
      key(8n, text('a'), int(3), int(5), early),
      key(7n, text('a'), int(3), int(4), late),
      key(6n, text('aa'), int(-3), int(5), early),
      key(5n, text('b'), int(-3), int(5), early),
    ]
    for (const [i, one] of byKey.entries()) {
      for (const [j, other] of byKey.entries()) expect(Math.sign(order(one, other))).toBe(Math.sign(i - j))
    }
  })
})
