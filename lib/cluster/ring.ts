import type { Client, token } from 'cassandra-driver'

/** The driver's metadata for the replicas of a partition. */
export type RoutingKey = Buffer | token.Token

/** Name of the only replica set if every node holds every partition. */
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
   * Names the set of nodes that hold a row's partition. Without metadata each partition gets a name of its own, which is
   * safe.
   */
  replicaSetOf(row: Row): unknown {
    if (this.#tokenOfAll() !== undefined) return everywhere
    const replicas = this.#client.getReplicas(this.#keyspace, this.#partitionKeyOf(row))
    // Compared by identity, because the rows of one partition come together.
    if (replicas === null || replicas === undefined) return row
    let name = this.#names.get(replicas)
    if (name === undefined) {
      // The driver has one array per token range. Ranges with the same nodes are one set.
      name = replicas
        .map(({ address }) => address)
        .sort()
        .join()
      this.#names.set(replicas, name)
    }
    return name
  }

  /** The routing key of a request that starts with this row. */
  routingKeyOf(row: Row): RoutingKey {
    return this.#tokenOfAll() ?? this.#partitionKeyOf(row)
  }

  /** One fixed token while every node holds every partition, because hashing each row's key would be useless. */
  #tokenOfAll(): token.Token | undefined {
    const { hosts, metadata } = this.#client
    const { length } = hosts
    // The driver makes a new keyspace object after ALTER KEYSPACE, and some time after the nodes changed.
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
