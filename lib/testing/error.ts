/** No Cassandra could be started, or the given one cannot be used. The message says what to do about it. */
export class CassandraStartError extends Error {
  /** Name of the class. */
  override readonly name = 'CassandraStartError'
  /** Stable across releases. */
  readonly code = 'ERR_CASSANDRA_START'
}

/** No Kafka could be started, or the given one cannot be used. The message says what to do about it. */
export class KafkaStartError extends Error {
  /** Name of the class. */
  override readonly name = 'KafkaStartError'
  /** Stable across releases. */
  readonly code = 'ERR_KAFKA_START'
}
