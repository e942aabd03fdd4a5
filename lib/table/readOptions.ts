import { policies, type QueryOptions, types } from 'cassandra-driver'

const retry = new policies.retry.FallthroughRetryPolicy()

/**
 * Options of each internal read. A borrowed client has defaults and a profile of its own, so a read sets everything that
 * could change its answer: all rows instead of a first page, and plain errors instead of what a retry policy makes of them.
 * @param timeout_ms longest time in milliseconds for the answer.
 */
export function readOptions(timeout_ms: number): QueryOptions {
  return {
    prepare: true,
    // Without pages, because system tables are only as long as the schema.
    fetchSize: 0,
    consistency: types.consistencies.localOne,
    readTimeout: timeout_ms,
    retry,
    isIdempotent: false,
    traceQuery: false,
  }
}
