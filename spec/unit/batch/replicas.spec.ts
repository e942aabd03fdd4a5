import type { Client } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { replicaSets } from '../../../lib/batch/replicas.ts'

/** A client whose ring is these token ranges, by the first byte of a key; each range has an array of its own. */
function clientOf(nodes: number, ranges: readonly string[][] | null): Client {
  const replicas = ranges?.map(names => names.map(address => ({ address })))
  return {
    hosts: { length: nodes },
    getReplicas: (_keyspace: string, key: Buffer) => replicas?.[(key[0] ?? 0) % replicas.length] ?? null,
  } as unknown as Client
}

/** A row whose partition key is this one byte. */
const row = (range: number) => ({ slab: Buffer.from([0, 0, 0, 1, range]), keyStart: 0, keyEnd: 5 })

describe('the replicas of a partition', () => {
  const ring = [
    ['a', 'b'],
    ['b', 'c'],
    ['b', 'a'],
    ['c', 'a'],
  ]

  it('have one name for the same nodes, whatever their order and the token range', () => {
    const setOf = replicaSets(clientOf(3, ring), 'ks')
    expect(setOf(row(0))).toBe(setOf(row(2)))
    expect(new Set([0, 1, 3].map(range => setOf(row(range)))).size).toBe(3)
  })

  it('are all the same when every node holds everything', () => {
    const setOf = replicaSets(
      clientOf(2, [
        ['a', 'b'],
        ['b', 'a'],
      ]),
      'ks',
    )
    expect(setOf(row(0))).toBe(setOf(row(1)))
  })

  it('leave each partition alone when the ring is not known', () => {
    const setOf = replicaSets(clientOf(3, null), 'ks')
    expect(setOf(row(0))).not.toBe(setOf(row(1)))
    expect(setOf(row(1))).not.toBe(setOf(row(1)))
  })
})
