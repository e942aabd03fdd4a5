export type { Cassandra, Source, StartOptions } from './cassandra.ts'
export { CassandraStartError } from './error.ts'
export { startCassandra } from './startCassandra.ts'
