import { policies, type QueryOptions, types } from 'cassandra-driver'

const retry = new policies.retry.FallthroughRetryPolicy()

/**
 * Options of each read of ours. A borrowed client brings defaults and a profile of its own, so a read says everything
 * that could change its answer: all rows and not a first page of them, errors and not what a retry policy makes of them.
 * @param timeout_ms longest time in milliseconds for the answer.
 */
export function readOptions(timeout_ms: number): QueryOptions {
  return {
    prepare: true,
    // No pages: system tables are as long as the schema.
    fetchSize: 0,
    consistency: types.consistencies.localOne,
    readTimeout: timeout_ms,
    retry,
    isIdempotent: false,
    traceQuery: false,
  }
}
