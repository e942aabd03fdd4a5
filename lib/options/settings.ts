import type { Client, ClientOptions } from 'cassandra-driver'
import type {
  CassandraWritableOptions,
  ConnectionOptions,
  ConsistencyName,
  Json,
  MicroBatchSinkOptions,
} from './options.ts'
import {
  checkEach,
  epochRules,
  hostList,
  type OptionName,
  type OptionRule,
  optionRules,
  refuse,
} from './rules.ts'

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
  readonly nulls: 'write' | 'unset'
  readonly batch_by: 'partition' | 'replicas' | 'none'
  readonly retry_timeout_ms: number
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
}

const tlsOptions = ['ssl_ca_cert', 'ssl_client_cert', 'ssl_client_key', 'ssl_server_name'] as const

/** What an existing `client` has decided already. */
const ownConnection = [
  'host',
  'port',
  'username',
  'password',
  'ssl_enabled',
  ...tlsOptions,
  'local_datacenter',
  'client_options',
] as const satisfies readonly (keyof ConnectionOptions)[]

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function readWriteOptions<Row extends object>(options: CassandraWritableOptions<Row>): WriteSettings {
  const given = checkEach(options)
  const value = <Name extends OptionName>(name: Name) =>
    (given[name] ?? (optionRules[name] as OptionRule).fallback) as NonNullable<CassandraWritableOptions[Name]>
  const isGiven = (name: OptionName) => given[name] !== undefined

  for (const name of ['keyspace', 'table'] as const) {
    if (!isGiven(name)) throw refuse(name, `Expected \`${name}\` to be given`)
  }
  if (!isGiven('host') && !isGiven('client') && given.client_options?.cloud === undefined) {
    throw refuse('host', 'Expected `host` or `client` to be given')
  }
  if (isGiven('client')) {
    const own = ownConnection.find(isGiven)
    if (own !== undefined) {
      throw refuse(
        own,
        `Expected \`${own}\` to be absent, because \`client\` is already connected its own way`,
      )
    }
  }
  bothOrNeither('username', 'password')
  bothOrNeither('ssl_client_cert', 'ssl_client_key')
  bothOrNeither('delete_flag_column', 'delete_flag_value')
  if (!value('ssl_enabled')) {
    const stray = tlsOptions.find(isGiven)
    if (stray !== undefined) throw refuse(stray, `Expected \`ssl_enabled\` to be true beside \`${stray}\``)
  }

  function bothOrNeither(one: OptionName, other: OptionName): void {
    if (isGiven(one) === isGiven(other)) return
    const [there, missing] = isGiven(one) ? [one, other] : [other, one]
    throw refuse(missing, `Expected \`${missing}\` to be given beside \`${there}\``)
  }

  return Object.freeze({
    hosts: isGiven('host') ? (hostList(given.host) as string[]) : [],
    port: value('port'),
    credentials: isGiven('username')
      ? { username: value('username'), password: value('password') }
      : undefined,
    tls: value('ssl_enabled')
      ? {
          ca: given.ssl_ca_cert,
          cert: given.ssl_client_cert,
          key: given.ssl_client_key,
          server_name: given.ssl_server_name,
        }
      : undefined,
    local_datacenter: given.local_datacenter,
    client: given.client,
    client_options: given.client_options,
    keyspace: value('keyspace'),
    table: value('table'),
    concurrency: value('concurrency'),
    rows_per_batch: value('rows_per_batch'),
    flush_interval_ms: value('flush_interval_ms'),
    max_buffered_bytes: value('max_buffered_bytes'),
    max_row_bytes: value('max_row_bytes'),
    consistency: value('consistency').toUpperCase() as ConsistencyName,
    delete_flag: isGiven('delete_flag_column')
      ? { column: value('delete_flag_column'), value: value('delete_flag_value') }
      : undefined,
    ttl: given.ttl,
    ttl_column: given.ttl_column,
    timestamp_column: given.timestamp_column,
    nulls: value('nulls'),
    batch_by: value('batch_by'),
    request_timeout_ms: value('request_timeout_ms'),
    retry_timeout_ms: value('retry_timeout_ms'),
    signal: given.signal,
  })
}

/**
 * As {@link readWriteOptions}, with what a micro-batch sink has beside.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function readEpochOptions<Row extends object>(options: MicroBatchSinkOptions<Row>): EpochSettings {
  const { checkpoint_location, take_over, rows_per_epoch, epoch_interval_ms, position, ...others } =
    checkEach<MicroBatchSinkOptions<Row>>(options, { ...optionRules, ...epochRules })
  const write = readWriteOptions(others as CassandraWritableOptions)
  if (checkpoint_location === undefined) {
    throw refuse('checkpoint_location', 'Expected `checkpoint_location` to be given')
  }
  return Object.freeze({
    ...write,
    checkpoint_location,
    take_over: take_over ?? epochRules.take_over.fallback,
    rows_per_epoch: rows_per_epoch ?? Number(epochRules.rows_per_epoch.fallback),
    epoch_interval_ms: epoch_interval_ms ?? Number(epochRules.epoch_interval_ms.fallback),
    position,
  })
}
