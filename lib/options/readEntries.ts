import { isJson, type Json } from '../json.ts'
import { checkpointPlace } from './checkpointPlace.ts'
import { epochEntries, writeEntries } from './entries.ts'
import { flag, integer, type Kind, type OptionEntry, object, oneOf, text } from './entry.ts'
import type { CassandraCountOptions, CassandraReadableOptions, FollowOptions } from './readOptions.ts'
import { shardText } from './shard.ts'

const names: Kind<readonly string[]> = {
  expected: 'an array of names, or a comma-separated list of them',
  read: given => (typeof given === 'string' ? given.split(',').map(name => name.trim()) : given),
  accepts: (value): value is readonly string[] =>
    Array.isArray(value) && value.length > 0 && value.every(name => text.accepts(name)),
}

const anyArray: Kind<readonly unknown[]> = {
  expected: 'an array of values',
  accepts: value => Array.isArray(value),
}

const anyJson: Kind<Json> = {
  expected: 'a JSON value',
  accepts: (value): value is Json => isJson(value),
}

const {
  host,
  port,
  keyspace,
  table,
  username,
  password,
  ssl_enabled,
  ssl_ca_cert,
  ssl_client_cert,
  ssl_client_key,
  ssl_server_name,
  ssl_verify,
  local_datacenter,
  client,
  client_options,
  consistency,
  request_timeout_ms,
  retry_timeout_ms,
  wait_for_server_ms,
  signal,
} = writeEntries

/** Options that a source and a sink share. */
export const connectionEntries = {
  host,
  port,
  keyspace,
  table,
  username,
  password,
  ssl_enabled,
  ssl_ca_cert,
  ssl_client_cert,
  ssl_client_key,
  ssl_server_name,
  ssl_verify,
  local_datacenter,
  client,
  client_options,
  request_timeout_ms,
  retry_timeout_ms,
  wait_for_server_ms,
  signal,
}

/** Further options of a source. */
export const readEntries = {
  columns: { ...names, otherwise: 'all', meaning: 'columns to read, in this order, matched exactly' },
  where: {
    ...text,
    otherwise: 'the whole table',
    meaning:
      'conditions in CQL, with a `?` per value of `params`: `age > ? AND city = ?`. If they name a whole partition key by `=` or `IN`, only these partitions are read, in the order of their rows',
  },
  filter: { ...text, meaning: "the same as `where`, by PyCassandra's name" },
  params: {
    ...anyArray,
    otherwise: 'none',
    meaning: 'values for `where`, each in a form that a sink takes for the type',
  },
  allow_filtering: {
    ...flag,
    fallback: false,
    meaning: 'whether Cassandra may read rows that `where` then drops',
  },
  with_times: {
    ...flag,
    fallback: false,
    meaning:
      'emit each row in parts: one per write time and time to live of its cells, with both as properties. A sink with `timestamp_column`, `ttl_column` and `operation_column` writes the same table from them. Key columns are always read',
  },
  timestamp_column: {
    ...text,
    otherwise: '`write_time`',
    meaning: 'property of a part with its write time, a BigInt of microseconds. Goes with `with_times`',
  },
  ttl_column: {
    ...text,
    otherwise: '`ttl`',
    meaning: 'property of a part with its remaining seconds to live; 0 means forever. Goes with `with_times`',
  },
  operation_column: {
    ...text,
    otherwise: '`operation`',
    meaning:
      'property of a part that says what a sink does with it: `insert`, `update` or `append`. Goes with `with_times`',
  },
  consistency: {
    ...consistency,
    fallback: 'LOCAL_ONE',
    meaning: 'how many replicas must answer. The name may be in lower case',
  },
  splits: {
    ...integer(1, 100_000),
    fallback: 64,
    meaning:
      'number of parts into which the ring, or the shard, is cut at first. The reader makes later parts wider or narrower, by the rows that it finds',
  },
  concurrency: { ...integer(1, 256), fallback: 4, meaning: 'ranges that are read in parallel' },
  fetch_size: {
    ...integer(1, 100_000),
    fallback: 5000,
    meaning:
      'maximum number of rows per page. Pages of large rows have fewer: about 2 MiB, estimated from the rows before',
  },
  shard: {
    ...shardText,
    otherwise: 'the whole ring',
    meaning:
      'which of `count` equal parts of the ring to read, counted from 0, so that processes share a table. Refused if `where` names partitions',
  },
  after: {
    ...anyJson,
    otherwise: 'rows in no order',
    meaning:
      'position after which to read, as `positionOf()` returned it, or null to start at the first row. Rows then come in the order of the ring',
  },
  checkpoint_location: {
    ...checkpointPlace,
    otherwise: 'none',
    meaning:
      'file, or row of a Cassandra table, that keeps the last acknowledged position. The next run continues after it. The folder of the file must exist. If the path is a folder, the file is `checkpoint` in it',
  },
  take_over: epochEntries.take_over,
  follow: {
    ...object<FollowOptions>('an object with `by`', 'by'),
    otherwise: 'the stream ends after the last row',
    meaning:
      'continue forever with rows that are written later. Deletes are not seen, nor is every version of a row that is written often',
  },
  json: {
    ...flag,
    fallback: false,
    meaning:
      'whether rows have only values that JSON keeps. A sink takes the same values from rows that were written as JSON and parsed again',
  },
  values: {
    ...oneOf(['plain', 'driver']),
    fallback: 'plain',
    meaning:
      "`plain` means JavaScript's own types, `driver` the classes of cassandra-driver, such as Uuid and Long. Refused beside `json`",
  },
} satisfies Record<Exclude<keyof CassandraReadableOptions, keyof typeof connectionEntries>, OptionEntry>

/** How a source follows a table. */
export const followEntries = {
  by: {
    ...oneOf(['scan', 'tail']),
    otherwise: 'required',
    meaning:
      "`'scan'` reads all rows each time and emits those with a new write time. `'tail'` asks only for new rows. It needs a table to which rows are only added, with a `timestamp` or `timeuuid` as first clustering column",
  },
  interval_ms: {
    ...integer(0, 86_400_000),
    fallback: 10_000,
    meaning:
      'milliseconds from the start of one walk to the start of the next. If Cassandra works longer than that on a walk, the next one waits until Cassandra has been idle for as long',
  },
  lag_ms: {
    ...integer(0, 86_400_000),
    fallback: 10_000,
    meaning:
      'age in milliseconds at which a write is emitted, by its write time. A write that becomes visible later is missed, for example because of a slow request, a clock that is behind, or a write time in the past',
  },
} satisfies Record<keyof FollowOptions, OptionEntry>

const {
  where,
  filter,
  params,
  allow_filtering,
  consistency: readConsistency,
  splits,
  concurrency,
  shard,
} = readEntries

/** Options that a source and a count share. */
export const sharedCountEntries = {
  where,
  filter,
  params,
  allow_filtering,
  consistency: readConsistency,
  splits,
  concurrency,
  shard,
}

/** Further options of a count. */
export const countEntries = {
  largest: {
    ...integer(0, 1000),
    fallback: 10,
    meaning: 'partitions to name: those with the most rows',
  },
} satisfies Record<
  Exclude<keyof CassandraCountOptions, keyof typeof connectionEntries | keyof typeof sharedCountEntries>,
  OptionEntry
>
