import type { Client, token } from 'cassandra-driver'

/** What the driver finds the replicas of a partition by. */
export type RoutingKey = Buffer | token.Token

/** Name of the only replica set there is, where every node holds every partition. */
export const everywhere = Symbol('every node')

/** Where the partitions of rows are, by the driver's metadata of the ring. */
export class Ring<Row extends object> {
  readonly #client: Client
  readonly #keyspace: string
  readonly #partitionKeyOf: (row: Row) => Buffer
  readonly #names = new WeakMap<object, string>()
  #nodes = 0
  #described: object | undefined
  #everywhere: token.Token | undefined

  constructor(client: Client, keyspace: string, partitionKeyOf: (row: Row) => Buffer) {
    this.#client = client
    this.#keyspace = keyspace
    this.#partitionKeyOf = partitionKeyOf
  }

  /**
   * Names the set of nodes that hold a row's partition. Without metadata each partition has a name of its own, which
   * is safe.
   */
  replicaSetOf(row: Row): unknown {
    if (this.#tokenOfAll() !== undefined) return everywhere
    const replicas = this.#client.getReplicas(this.#keyspace, this.#partitionKeyOf(row))
    // Compared by identity: rows of one partition come as one.
    if (replicas === null || replicas === undefined) return row
    let name = this.#names.get(replicas)
    if (name === undefined) {
      // The driver has an array for each token range; ranges with the same nodes are one set.
      name = replicas
        .map(({ address }) => address)
        .sort()
        .join()
      this.#names.set(replicas, name)
    }
    return name
  }

  /** What a request with this row is routed by. */
  routingKeyOf(row: Row): RoutingKey {
    return this.#tokenOfAll() ?? this.#partitionKeyOf(row)
  }

  /** The token of some partition while every node holds every partition: hashing each row's key would tell nothing. */
  #tokenOfAll(): token.Token | undefined {
    const { hosts, metadata } = this.#client
    const { length } = hosts
    // The driver has a new object for a keyspace after ALTER KEYSPACE, and some time after the nodes changed.
    const described = metadata.keyspaces?.[this.#keyspace]
    if (length !== this.#nodes || described !== this.#described) {
      this.#nodes = length
      this.#described = described
      const key = Buffer.from('any partition')
      const replicas = this.#client.getReplicas(this.#keyspace, key)
      this.#everywhere = replicas?.length === length ? metadata.newToken(key) : undefined
    }
    return this.#everywhere
  }
}
