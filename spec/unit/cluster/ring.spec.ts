import type { Client } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { Ring } from '../../../lib/cluster/ring.ts'
import { partitionKeyOf } from '../../../lib/row/partitionKey.ts'

/** A client whose ring has these token ranges, by the first byte of a key. Each range has its own array of replicas. */
function clientOf(nodes: number, ranges: readonly string[][] | null) {
  const replicas = ranges?.map(names => names.map(address => ({ address })))
  const client = {
    hosts: { length: nodes },
    getReplicas: (_keyspace: string, key: Buffer) => replicas?.[(key[0] ?? 0) % replicas.length] ?? null,
    metadata: { newToken: (key: Buffer) => ({ tokenOf: key }), keyspaces: { ks: {} } },
  }
  return { client, ring: new Ring(client as unknown as Client, 'ks', partitionKeyOf) }
}

/** A row whose partition key is this byte. */
const row = (range: number) => ({ slab: Buffer.from([0, 0, 0, 1, range]), keyStart: 0, keyEnd: 5 })

const four = [
  ['a', 'b'],
  ['b', 'c'],
  ['b', 'a'],
  ['c', 'a'],
]
const everywhere = [
  ['a', 'b'],
  ['b', 'a'],
]

describe('the replicas of a partition', () => {
  it('have the same name for the same nodes, whatever their order and the token range', () => {
    const { ring } = clientOf(3, four)
    expect(ring.replicaSetOf(row(0))).toBe(ring.replicaSetOf(row(2)))
    expect(new Set([0, 1, 3].map(range => ring.replicaSetOf(row(range)))).size).toBe(3)
  })

  it('are all the same when every node holds everything', () => {
    const { ring } = clientOf(2, everywhere)
    expect(ring.replicaSetOf(row(0))).toBe(ring.replicaSetOf(row(1)))
  })

  it('differ as soon as there is a node that does not hold everything', () => {
    const { client, ring } = clientOf(2, everywhere)
    expect(ring.replicaSetOf(row(0))).toBe(ring.replicaSetOf(row(1)))
    client.hosts.length = 3
    client.getReplicas = clientOf(3, four).client.getReplicas
    expect(ring.replicaSetOf(row(0))).not.toBe(ring.replicaSetOf(row(1)))
  })

  it.each([
    ['fewer', everywhere, [['a'], ['b']]],
    ['more', [['a'], ['b']], everywhere],
  ])('are computed again when the keyspace gets %s replicas, with the same nodes', (_, before, after) => {
    const { client, ring } = clientOf(2, before)
    const isOne = () => ring.replicaSetOf(row(0)) === ring.replicaSetOf(row(1))
    expect(isOne()).toBe(before === everywhere)
    client.getReplicas = clientOf(2, after).client.getReplicas
    client.metadata.keyspaces = { ks: {} }
    expect(isOne()).toBe(after === everywhere)
    expect(ring.routingKeyOf(row(0)) === ring.routingKeyOf(row(1))).toBe(after === everywhere)
  })

  it('are computed again when the driver learns of the replicas after the nodes', () => {
    const { client, ring } = clientOf(2, everywhere)
    expect(ring.replicaSetOf(row(0))).toBe(ring.replicaSetOf(row(1)))
    // A third node that also holds everything. The driver knows its tokens later than its address.
    client.hosts.length = 3
    expect(ring.routingKeyOf(row(0))).not.toBe(ring.routingKeyOf(row(1)))
    client.getReplicas = clientOf(3, [['a', 'b', 'c']]).client.getReplicas
    client.metadata.keyspaces = { ks: {} }
    expect(ring.routingKeyOf(row(0))).toBe(ring.routingKeyOf(row(1)))
  })

  it('differ for each partition when the ring is not known', () => {
    const { ring } = clientOf(3, null)
    expect(ring.replicaSetOf(row(0))).not.toBe(ring.replicaSetOf(row(1)))
    expect(ring.replicaSetOf(row(1))).not.toBe(ring.replicaSetOf(row(1)))
  })
})

describe('the routing of a request', () => {
  it('uses the key of its partition, even if the ring is not known', () => {
    for (const ranges of [four, null]) {
      const { ring } = clientOf(3, ranges)
      expect(ring.routingKeyOf(row(1))).toEqual(partitionKeyOf(row(1)))
    }
  })

  it('uses one fixed token if every node holds everything, so that no key is hashed', () => {
    const { ring } = clientOf(2, everywhere)
    expect(ring.routingKeyOf(row(1))).toHaveProperty('tokenOf')
    expect(ring.routingKeyOf(row(1))).toBe(ring.routingKeyOf(row(0)))
  })
})
