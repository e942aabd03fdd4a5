import { isJson, type Json } from '../json.ts'
import { checkpointPlace } from './checkpointPlace.ts'
import { epochEntries, writeEntries } from './entries.ts'
import { flag, integer, type Kind, type OptionEntry, object, oneOf, text } from './entry.ts'
import type { CassandraCountOptions, CassandraReadableOptions, FollowOptions } from './readOptions.ts'

const names: Kind<readonly string[]> = {
  expected: 'an array of names, or names with commas between them',
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

/** Options of a source that a sink has as well, of the same meaning. */
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

/** What a source has beside these. */
export const readEntries = {
  columns: { ...names, otherwise: 'all', meaning: 'columns to read, in their order, matched exactly' },
  where: {
    ...text,
    otherwise: 'the whole table',
    meaning:
      'conditions in CQL, with a `?` for each value of `params`: `age > ? AND city = ?`. Where they name a whole partition key by `=` or `IN`, these partitions alone are read, in the order of their rows',
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
    meaning: 'whether Cassandra may read rows that `where` then leaves out',
  },
  with_times: {
    ...flag,
    fallback: false,
    meaning:
      'give each row in parts, one for each write time and time to live of its cells, with these: a sink with `timestamp_column`, `ttl_column` and `operation_column` makes the same table of them. Key columns are read in any case',
  },
  timestamp_column: {
    ...text,
    otherwise: '`write_time`',
    meaning:
      'property of a part with its write time, a BigInt of microseconds. Goes with `with_times`, as the next two',
  },
  ttl_column: {
    ...text,
    otherwise: '`ttl`',
    meaning: 'property of a part with the seconds that it has to live; 0 is for ever',
  },
  operation_column: {
    ...text,
    otherwise: '`operation`',
    meaning: 'property of a part that says what a sink does with it: `insert`, `update` or `append`',
  },
  consistency: {
    ...consistency,
    fallback: 'LOCAL_ONE',
    meaning: 'how many replicas must answer, in any case',
  },
  splits: {
    ...integer(1, 100_000),
    fallback: 64,
    meaning:
      'parts that the ring is cut into at first. A reader makes later ones wider or narrower, by the rows that it finds',
  },
  concurrency: { ...integer(1, 256), fallback: 4, meaning: 'ranges that are read at one time' },
  fetch_size: {
    ...integer(1, 100_000),
    fallback: 5000,
    meaning:
      'most rows of a page. Pages of large rows have fewer, of about 1 MiB by the size of the rows before',
  },
  after: {
    ...anyJson,
    otherwise: 'rows in no order',
    meaning:
      'position behind which to read, as `positionOf()` gave it, or null for the first row. Rows then come in the order of the ring',
  },
  checkpoint_location: {
    ...checkpointPlace,
    otherwise: 'none',
    meaning:
      'file, or row of a Cassandra table, that remembers the position that was acknowledged last, behind which the next run goes on. Otherwise as for a sink',
  },
  take_over: epochEntries.take_over,
  follow: {
    ...object<FollowOptions>('an object with `by`', 'by'),
    otherwise: 'the stream ends behind the last row',
    meaning:
      'go on for ever with the rows that are written. It sees no deletes, and of a row that is written often not each version',
  },
  json: {
    ...flag,
    fallback: false,
    meaning:
      'whether rows have only what JSON keeps: a sink takes what `JSON.parse` makes of their JSON as the same values',
  },
  values: {
    ...oneOf(['plain', 'driver']),
    fallback: 'plain',
    meaning:
      "`plain` is JavaScript's own types, `driver` the classes of cassandra-driver, such as Uuid and Long. Refused beside `json`",
  },
} satisfies Record<Exclude<keyof CassandraReadableOptions, keyof typeof connectionEntries>, OptionEntry>

/** How a source follows a table. */
export const followEntries = {
  by: {
    ...oneOf(['scan', 'tail']),
    otherwise: 'required',
    meaning:
      "`'scan'` reads all rows each time and gives those with a new write time. `'tail'` asks for new rows by the first clustering column, a `timestamp` or `timeuuid`, of tables to which rows are only added",
  },
  interval_ms: {
    ...integer(0, 86_400_000),
    fallback: 10_000,
    meaning:
      'milliseconds from the beginning of one walk to that of the next. After a walk that takes longer there is a pause as long as the walk',
  },
  lag_ms: {
    ...integer(0, 86_400_000),
    fallback: 10_000,
    meaning:
      'age in milliseconds at which a write is given, by its write time. What becomes visible later than this is missed: slow requests, clocks that are behind, write times in the past',
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
} = readEntries

/** Options of a source that a count has too, of the same meaning. */
export const sharedCountEntries = {
  where,
  filter,
  params,
  allow_filtering,
  consistency: readConsistency,
  splits,
  concurrency,
}

/** What a count has beside these. */
export const countEntries = {
  largest: {
    ...integer(0, 1000),
    fallback: 10,
    meaning: 'partitions to name, those with the most rows',
  },
} satisfies Record<
  Exclude<keyof CassandraCountOptions, keyof typeof connectionEntries | keyof typeof sharedCountEntries>,
  OptionEntry
>
