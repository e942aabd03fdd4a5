/** Series of the server, such as 4.1. `npm run test:servers` sets it. The default is the series that `startCassandra` starts. */
const series = process.env['CASSANDRA_SERIES'] ?? '5.0'

/** Cassandra has vectors from 5.0 on. */
export const hasVectors = series !== '4.1'
