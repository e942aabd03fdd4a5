import type { Client, ClientOptions } from 'cassandra-driver'
import type { RowError } from '../errors.ts'
import type { Json } from '../json.ts'
import { checkpointPlace } from './checkpointPlace.ts'
import { flag, integer, type Kind, type OptionEntry, object, oneOf, text } from './entry.ts'
import { errorLimit } from './errorLimit.ts'
import { type Hosts, parseHosts } from './hosts.ts'
import { type CassandraWritableOptions, consistencyNames, type MicroBatchSinkOptions } from './options.ts'

const hosts: Kind<Hosts> = {
  expected: 'a host, a comma-separated list or an array of hosts, none of them a URL',
  read: given => parseHosts(given),
  accepts: (value): value is Hosts => value !== undefined,
}

const anyText: Kind<string> = { expected: 'a string', accepts: value => typeof value === 'string' }

const plainValue: Kind<string> = {
  expected: 'a non-empty string, a number, true or false',
  read: given => (typeof given === 'boolean' || Number.isFinite(given) ? String(given) : given),
  accepts: text.accepts,
}

const consistency = {
  ...oneOf(consistencyNames),
  read: (given: unknown) => (typeof given === 'string' ? given.toUpperCase() : given),
}

const badRowHandler: Kind<(error: RowError, row: never) => void | Promise<void>> = {
  expected: 'a function of an error and a row',
  accepts: (value): value is (error: RowError, row: never) => void => typeof value === 'function',
}

const placeOfRow: Kind<(row: never) => Json> = {
  expected: 'a function that returns the position of a row in its source',
  accepts: (value): value is (row: never) => Json => typeof value === 'function',
}

/** Every option of a sink. `npm run options` rewrites comments and tables from it. */
export const writeEntries = {
  host: {
    ...hosts,
    otherwise: 'required, or `client` instead',
    meaning:
      'contact points: names or addresses that share one port. The port may follow a name: `db1:9043`, `[::1]:9043`',
  },
  port: {
    ...integer(1, 65_535),
    fallback: 9042,
    meaning: 'native protocol port, the same on all nodes, if `host` names none',
  },
  keyspace: {
    ...text,
    otherwise: 'required',
    meaning: 'matched exactly, case included. `system` and `system_…` are refused',
  },
  table: { ...text, otherwise: 'required', meaning: 'matched exactly, case included' },
  username: { ...text, meaning: 'goes with `password`' },
  password: { ...anyText, meaning: 'goes with `username`. Appears in no error, log or inspect output' },
  ssl_enabled: {
    ...flag,
    fallback: false,
    meaning: 'use TLS 1.2 or newer, and verify the certificate and its host name',
  },
  ssl_ca_cert: {
    ...text,
    otherwise: "Node's list",
    meaning: "certificate authority that signed the nodes' certificates: a path or PEM text",
  },
  ssl_client_cert: {
    ...text,
    meaning: 'client certificate for mutual TLS: a path or PEM text. Goes with `ssl_client_key`',
  },
  ssl_client_key: { ...text, meaning: 'private key of `ssl_client_cert`: a path or PEM text' },
  ssl_server_name: {
    ...text,
    otherwise: 'the address dialled, or a name in `host`',
    meaning: "name that the nodes' certificates must carry",
  },
  ssl_verify: {
    ...flag,
    fallback: true,
    meaning: "false accepts any certificate, even an attacker's. No other option switches verification off",
  },
  local_datacenter: {
    ...text,
    otherwise: 'that of the contact points',
    meaning:
      'datacenter whose nodes are used. A policy in `client_options.policies.loadBalancing` decides in its place, and takes this datacenter if it has none of its own',
  },
  client: {
    ...object<Client>('a Client of cassandra-driver', 'execute'),
    meaning:
      'an existing client of protocol version 4. It is used as it is and never shut down, and verifies certificates only if its own `sslOptions.rejectUnauthorized` is true',
  },
  client_options: {
    ...object<Partial<ClientOptions>>('an object of cassandra-driver client options'),
    meaning:
      'options of the driver for which there is no option here, such as a cloud bundle, a load balancing policy or your own auth provider. Options that a sink sets itself are ignored. Options that contradict an option here or a guarantee, such as a retry policy, are refused. `sslOptions` alone switches TLS on, with verification',
  },
  concurrency: {
    ...integer(1, 2048),
    fallback: 100,
    meaning: 'maximum number of requests in flight. Requests to replicas that fail do not count',
  },
  rows_per_batch: {
    ...integer(1, 1_000_000),
    fallback: 1000,
    meaning: 'rows buffered before a flush. This is not the size of a CQL batch',
  },
  flush_interval_ms: {
    ...integer(0, 60_000),
    fallback: 10,
    meaning: 'longest time in milliseconds a row waits for a fuller buffer',
  },
  max_rows_per_second: {
    ...integer(1, 10_000_000),
    otherwise: 'no limit',
    meaning: 'maximum number of rows sent per second, evenly. Retries do not count',
  },
  max_buffered_bytes: {
    ...integer(65_536, Number.MAX_SAFE_INTEGER),
    fallback: 64 * 1024 * 1024,
    meaning:
      'maximum number of bytes of rows that are buffered or in flight (64 MiB): as they are encoded, and with `on_bad_row` also as they were given',
  },
  max_row_bytes: {
    ...integer(1, 256 * 1024 * 1024),
    fallback: 1024 * 1024,
    meaning:
      'largest encoded row in bytes (1 MiB). Cassandra refuses mutations above half a commit log segment, which is 16 MiB by default',
  },
  consistency: {
    ...consistency,
    fallback: 'LOCAL_QUORUM',
    meaning: 'how many replicas must acknowledge a write. The name may be in lower case',
  },
  delete_flag_column: {
    ...text,
    meaning: 'column that tells deletes from inserts; never written. Goes with `delete_flag_value`',
  },
  delete_flag_value: {
    ...plainValue,
    meaning:
      'a row whose flag equals this, compared as text and ignoring case, deletes the row with its primary key',
  },
  ttl: {
    ...integer(0, 630_720_000),
    otherwise: "the table's own",
    meaning: 'seconds to live of each row. 0 means forever',
  },
  ttl_column: {
    ...text,
    meaning: 'property of a row with its own seconds to live, in place of `ttl`. Never written as a column',
  },
  timestamp_column: {
    ...text,
    otherwise: 'the order of arrival',
    meaning:
      'property of a row with its write time, in whole microseconds since 1970 or as a Date. Never written as a column. The order of rows is then yours: of two rows with one key, the larger time stays',
  },
  allow_any_timestamp: {
    ...flag,
    fallback: false,
    meaning:
      'accept any write time. Otherwise only the years 2001 to 2100 are accepted, which catches milliseconds and nanoseconds. Goes with `timestamp_column`',
  },
  operation_column: {
    ...text,
    otherwise: 'each row is inserted',
    meaning:
      'property that says what happens to each row: `insert`, `update` (cells and no row marker, so the row is gone with its last cell), `append` (like `update`, but adds elements to non-frozen sets and maps, and writes only the given fields of non-frozen user-defined types) or `delete`. Never written as a column',
  },
  nulls: {
    ...oneOf(['write', 'unset']),
    fallback: 'write',
    meaning: '`write` stores null, which is a tombstone. `unset` leaves the column alone, like undefined',
  },
  batch_by: {
    ...oneOf(['replicas', 'partition', 'none']),
    fallback: 'replicas',
    meaning:
      'which rows share a request. `partition`: rows of one partition. `replicas`: also rows of up to 10 partitions with the same replicas, under 5 KiB in total, so that the server does not warn. `none`: each row has its own request',
  },
  position: {
    ...placeOfRow,
    meaning:
      "returns the source's position after this row, such as an offset or a line: a JSON value. `'acknowledged'` carries it. A micro-batch sink stores the position of an epoch's last row with the epoch, and `open()` returns it. Called once per row, when the row is written to the stream",
  },
  on_bad_row: {
    ...badRowHandler,
    otherwise: 'the stream ends with the error',
    meaning:
      'called with the error and the row, for each row that cannot be stored. All other rows are stored. The stream waits for the promise that it returns, and ends if it throws. The row is the object that was given, or a copy of its first state if it has changed since',
  },
  max_errors: {
    ...errorLimit,
    otherwise: 'no limit',
    meaning:
      'maximum number of rows that may go to `on_bad_row` before the stream ends: a number, or a share of all rows. A share is checked from 1,000 rows on, and at the end. Goes with `on_bad_row`',
  },
  request_timeout_ms: {
    ...integer(1, 600_000),
    fallback: 15_000,
    meaning: 'limit in milliseconds for one request, and for connecting',
  },
  retry_timeout_ms: {
    ...integer(0, 86_400_000),
    fallback: 60_000,
    meaning: 'limit in milliseconds for one request with all its retries',
  },
  wait_for_server_ms: {
    ...integer(0, 86_400_000),
    fallback: 0,
    meaning:
      'milliseconds to keep trying to connect while no host can be used, for a service that starts before its database. Any other fault ends the sink at once',
  },
  max_clock_skew_ms: {
    ...integer(0, 86_400_000),
    fallback: 10_000,
    meaning:
      "largest difference in milliseconds between this machine's clock and the cluster's. A sink refuses to open beyond it",
  },
  signal: {
    ...object<AbortSignal>('an AbortSignal', 'addEventListener'),
    meaning: 'aborting it destroys the stream',
  },
} satisfies Record<keyof CassandraWritableOptions, OptionEntry>

/** Further options of a micro-batch sink. */
export const epochEntries = {
  checkpoint_location: {
    ...checkpointPlace,
    otherwise: 'required',
    meaning:
      'file that records what is written, one per source and table, on a disk that survives a restart. Its folder must exist. If the path is a folder, the file is `checkpoint` in it. Or a row of a Cassandra table, which another machine can take over',
  },
  take_over: {
    ...flag,
    fallback: false,
    meaning:
      'take the checkpoint over at once, even from an owner that may be alive. That owner fails with `ERR_CASSANDRA_CHECKPOINT_LOCKED` when it next records something. A checkpoint in a table is always taken over, and its previous owner fails with `ERR_CASSANDRA_FENCED`',
  },
  rows_per_epoch: {
    ...integer(1, 1_000_000),
    fallback: 10_000,
    meaning:
      'rows per epoch. The first epochs of a sink are smaller, so that Cassandra has work at once: 1,000 rows, and twice as many each time. Half of `max_buffered_bytes` also ends an epoch, or a quarter in a Kafka sink',
  },
  epoch_interval_ms: {
    ...integer(1, 3_600_000),
    fallback: 1000,
    meaning: 'longest time in milliseconds that a row waits for a fuller epoch',
  },
} satisfies Record<Exclude<keyof MicroBatchSinkOptions, keyof typeof writeEntries>, OptionEntry>
