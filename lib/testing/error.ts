/** No Cassandra could be started, or the given one cannot be used. The message says what to do about it. */
export class CassandraStartError extends Error {
  override readonly name = 'CassandraStartError'
  readonly code = 'ERR_CASSANDRA_START'
}
