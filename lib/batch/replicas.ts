import type { Client } from 'cassandra-driver'
import { type KeyedRow, partitionKeyOf } from '../encode/partitionKey.ts'
import type { ReplicaSetOf } from './group.ts'

/** For when every node holds every row: all partitions may share a request. */
const everyNode: ReplicaSetOf = () => 'every node'

/**
 * Tells partitions with different replicas apart, by the driver's metadata of the ring. Without metadata each
 * partition stands alone, which is safe.
 */
export function replicaSets(client: Client, keyspace: string): ReplicaSetOf {
  const names = new WeakMap<object, string>()
  const nameOf = (row: KeyedRow): unknown => {
    const replicas = client.getReplicas(keyspace, partitionKeyOf(row))
    // Compared by identity: rows of one partition come as one.
    if (replicas === null || replicas === undefined) return row
    let name = names.get(replicas)
    if (name === undefined) {
      // The driver has an array for each token range; ranges with the same nodes are one set.
      name = replicas
        .map(({ address }) => address)
        .sort()
        .join()
      names.set(replicas, name)
    }
    return name
  }
  return holdsEverything(client, keyspace) ? everyNode : nameOf
}

/** Whether every node has every partition, so that hashing each row's key would tell nothing. */
function holdsEverything(client: Client, keyspace: string): boolean {
  const replicas = client.getReplicas(keyspace, Buffer.from('any partition'))
  return replicas?.length === client.hosts.length
}
