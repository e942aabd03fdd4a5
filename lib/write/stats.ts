/** Live counters of a sink. `rows_accepted` is always the sum of the six other row counts. */
export interface CassandraWritableStats {
  /** Rows taken in. Without `on_bad_row` all of them are valid. */
  readonly rows_accepted: number
  /** Rows acknowledged by Cassandra as written. */
  readonly rows_written: number
  /** Rows acknowledged by Cassandra as deleted. */
  readonly rows_deleted: number
  /** Refused rows that `on_bad_row` is done with. */
  readonly rows_set_aside: number
  /** Accepted rows that were refused by the server, or whose outcome is unknown. */
  readonly rows_failed: number
  /** Rows waiting for a flush, for their turn, or for their epoch. */
  readonly rows_buffered: number
  /** Rows sent and not yet answered. */
  readonly rows_in_flight: number
  /** Encoded bytes acknowledged by Cassandra. */
  readonly bytes_written: number
  /** Requests sent, retries included. */
  readonly requests: number
  /** Requests sent and not yet answered. */
  readonly requests_in_flight: number
  /** Requests sent again after a fault. */
  readonly retries: number
  /** Milliseconds by which the cluster's clock is ahead of this machine's. 0 within the precision of a reading. */
  readonly clock_skew_ms: number
}
