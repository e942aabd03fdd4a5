import { resolve } from 'node:path'
import type { Client, ClientOptions } from 'cassandra-driver'
import type { Json } from '../json.ts'
import type { CassandraWritableOptions, ConsistencyName, MicroBatchSinkOptions } from './options.ts'
import { checkEach, epochRules, type Given, type OptionRule, optionRules, refuse } from './rules.ts'
import { checkTogether } from './together.ts'

/** Checked options with their defaults; frozen. */
export interface WriteSettings extends ConnectionSettings {
  readonly keyspace: string
  readonly table: string
  readonly concurrency: number
  readonly rows_per_batch: number
  readonly flush_interval_ms: number
  readonly max_buffered_bytes: number
  readonly max_row_bytes: number
  readonly consistency: ConsistencyName
  readonly delete_flag: { readonly column: string; readonly value: string } | undefined
  readonly ttl: number | undefined
  readonly ttl_column: string | undefined
  readonly timestamp_column: string | undefined
  readonly allow_any_timestamp: boolean
  readonly nulls: 'write' | 'unset'
  readonly batch_by: 'partition' | 'replicas' | 'none'
  readonly retry_timeout_ms: number
  readonly max_clock_skew_ms: number
  readonly signal: AbortSignal | undefined
}

export interface EpochSettings extends WriteSettings {
  readonly checkpoint_location: string
  readonly take_over: boolean
  readonly rows_per_epoch: number
  readonly epoch_interval_ms: number
  readonly position: ((row: never) => Json) | undefined
}

export interface ConnectionSettings {
  readonly hosts: readonly string[]
  readonly port: number
  readonly credentials: { readonly username: string; readonly password: string } | undefined
  readonly tls: TlsSettings | undefined
  readonly local_datacenter: string | undefined
  readonly client: Client | undefined
  readonly client_options: Partial<ClientOptions> | undefined
  readonly request_timeout_ms: number
}

export interface TlsSettings {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly server_name: string | undefined
  /** Whether the certificate has to be trusted and for the right host. */
  readonly verify: boolean
}

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function writeSettingsOf<Row extends object>(options: CassandraWritableOptions<Row>): WriteSettings {
  return Object.freeze(writeSettings(checkEach(options, optionRules)))
}

/**
 * As {@link writeSettingsOf}, with what a micro-batch sink has beside.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function epochSettingsOf<Row extends object>(options: MicroBatchSinkOptions<Row>): EpochSettings {
  const given = checkEach(options, { ...optionRules, ...epochRules })
  const { checkpoint_location, take_over, rows_per_epoch, epoch_interval_ms, position } = given
  const write = writeSettings(given)
  if (checkpoint_location === undefined) {
    throw refuse('checkpoint_location', 'Expected `checkpoint_location` to be given')
  }
  return Object.freeze({
    ...write,
    // Where it is does not change with the working directory.
    checkpoint_location: resolve(checkpoint_location),
    take_over: take_over === true,
    rows_per_epoch: rows_per_epoch ?? Number(epochRules.rows_per_epoch.fallback),
    epoch_interval_ms: epoch_interval_ms ?? Number(epochRules.epoch_interval_ms.fallback),
    position,
  })
}

function writeSettings(given: Given): WriteSettings {
  const { keyspace, table } = checkTogether(given)
  const { host, username, password, delete_flag_column, delete_flag_value } = given
  const value = <Name extends keyof Given>(name: Name) =>
    (given[name] ?? (optionRules[name] as OptionRule).fallback) as NonNullable<Given[Name]>
  const isTls = value('ssl_enabled') || given.client_options?.sslOptions != null
  return {
    hosts: host?.names ?? [],
    port: host?.ports[0] ?? value('port'),
    credentials: username === undefined || password === undefined ? undefined : { username, password },
    tls: isTls
      ? {
          ca: given.ssl_ca_cert,
          cert: given.ssl_client_cert,
          key: given.ssl_client_key,
          server_name: given.ssl_server_name,
          verify: value('ssl_verify'),
        }
      : undefined,
    local_datacenter: given.local_datacenter,
    client: given.client,
    client_options: given.client_options,
    keyspace,
    table,
    concurrency: value('concurrency'),
    rows_per_batch: value('rows_per_batch'),
    flush_interval_ms: value('flush_interval_ms'),
    max_buffered_bytes: value('max_buffered_bytes'),
    max_row_bytes: value('max_row_bytes'),
    consistency: value('consistency'),
    delete_flag:
      delete_flag_column === undefined || delete_flag_value === undefined
        ? undefined
        : { column: delete_flag_column, value: delete_flag_value },
    ttl: given.ttl,
    ttl_column: given.ttl_column,
    timestamp_column: given.timestamp_column,
    allow_any_timestamp: value('allow_any_timestamp'),
    nulls: value('nulls'),
    batch_by: value('batch_by'),
    request_timeout_ms: value('request_timeout_ms'),
    retry_timeout_ms: value('retry_timeout_ms'),
    max_clock_skew_ms: value('max_clock_skew_ms'),
    signal: given.signal,
  }
}
