import { writeEntries } from './entries.ts'
import { flag, integer, type Kind, type OptionEntry, text } from './entry.ts'
import type { CassandraCountOptions, CassandraReadableOptions } from './readOptions.ts'

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
  consistency: {
    ...consistency,
    fallback: 'LOCAL_ONE',
    meaning: 'how many replicas must answer, in any case',
  },
  splits: {
    ...integer(1, 100_000),
    fallback: 64,
    meaning: 'ranges that the ring is read in, at least: each range of the cluster is cut by its size',
  },
  concurrency: { ...integer(1, 256), fallback: 4, meaning: 'ranges that are read at one time' },
  fetch_size: {
    ...integer(1, 100_000),
    fallback: 5000,
    meaning:
      'most rows of a page. Pages of large rows have fewer, of about 1 MiB by the size of the rows before',
  },
} satisfies Record<Exclude<keyof CassandraReadableOptions, keyof typeof connectionEntries>, OptionEntry>

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
