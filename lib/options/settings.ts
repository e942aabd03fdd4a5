import type { Client, ClientOptions } from 'cassandra-driver'
import { type Checked, checkEach, type Defaulted, type Given, refuse, withDefaults } from './check.ts'
import { type CheckpointPlace, fixedPlace } from './checkpointPlace.ts'
import { ownOptions } from './clientOptions.ts'
import { epochEntries, writeEntries } from './entries.ts'
import type { CassandraWritableOptions, MicroBatchSinkOptions } from './options.ts'
import { checkTogether } from './together.ts'

/** Options that the settings hold in another form. */
type Reformed =
  | 'host'
  | 'username'
  | 'password'
  | 'ssl_enabled'
  | 'ssl_ca_cert'
  | 'ssl_client_cert'
  | 'ssl_client_key'
  | 'ssl_server_name'
  | 'ssl_verify'
  | 'delete_flag_column'
  | 'delete_flag_value'

/** Settings of every reader and writer of a table. */
export interface TableSettings extends ConnectionSettings {
  readonly keyspace: string
  readonly table: string
  readonly retry_timeout_ms: number
  readonly wait_for_server_ms: number
  readonly signal: AbortSignal | undefined
}

/** Checked options with their defaults; frozen. */
export interface WriteSettings
  extends TableSettings,
    Omit<Defaulted<typeof writeEntries>, Reformed | keyof TableSettings> {
  readonly delete_flag: { readonly column: string; readonly value: string } | undefined
  /** Whether rows are written in epochs, which a later process may have to replay. */
  readonly in_epochs?: boolean
}

export interface EpochSettings
  extends WriteSettings,
    Omit<Defaulted<typeof epochEntries>, 'checkpoint_location'> {
  readonly checkpoint_location: CheckpointPlace
  readonly in_epochs: true
}

export interface ConnectionSettings {
  readonly hosts: readonly string[]
  readonly port: number
  readonly credentials: { readonly username: string; readonly password: string } | undefined
  /** Undefined without TLS, and with a cloud bundle, which has its own certificates. */
  readonly tls: TlsSettings | undefined
  /** Whether connections are encrypted: by `tls`, or as the cloud bundle says. */
  readonly usesTls: boolean
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
  /** Whether the certificate must be trusted and name the right host. */
  readonly verify: boolean
}

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function writeSettingsOf<Row extends object>(options: CassandraWritableOptions<Row>): WriteSettings {
  return Object.freeze(writeSettings(checkEach(options, writeEntries)))
}

/**
 * Like {@link writeSettingsOf}, with the further options of a micro-batch sink.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function epochSettingsOf<Row extends object>(options: MicroBatchSinkOptions<Row>): EpochSettings {
  const given = checkEach(options, { ...writeEntries, ...epochEntries })
  const write = writeSettings(given)
  const { checkpoint_location, ...epochs } = withDefaults(given, epochEntries)
  if (checkpoint_location === undefined) {
    throw refuse('checkpoint_location', 'Expected `checkpoint_location` to be given')
  }
  const place = fixedPlace(checkpoint_location)
  return Object.freeze({ ...write, ...epochs, checkpoint_location: place, in_epochs: true })
}

/** Settings of every sink, checked together. */
export function writeSettings(given: Checked<typeof writeEntries>): WriteSettings {
  const connection = connectionSettings(given)
  const {
    host: _host,
    username: _username,
    password: _password,
    ssl_enabled: _ssl_enabled,
    ssl_ca_cert: _ca,
    ssl_client_cert: _cert,
    ssl_client_key: _key,
    ssl_server_name: _server_name,
    ssl_verify: _verify,
    delete_flag_column: column,
    delete_flag_value: value,
    ...rest
  } = withDefaults(given, writeEntries)
  return {
    ...rest,
    ...connection,
    delete_flag: column === undefined || value === undefined ? undefined : { column, value },
  }
}

/**
 * Settings of the servers, the table and the time limits, checked together.
 * @throws OptionError
 */
export function connectionSettings(given: Given): TableSettings {
  const { keyspace, table } = checkTogether(given)
  const {
    host,
    port,
    username,
    password,
    ssl_enabled,
    ssl_ca_cert: ca,
    ssl_client_cert: cert,
    ssl_client_key: key,
    ssl_server_name: server_name,
    ssl_verify: verify,
    local_datacenter,
    client,
    client_options,
    request_timeout_ms,
    retry_timeout_ms,
    wait_for_server_ms,
    signal,
  } = withDefaults(given, writeEntries)
  const own = ownOptions(client_options)
  const isTls = ssl_enabled || own.sslOptions !== undefined
  return {
    keyspace,
    table,
    hosts: host?.names ?? [],
    port: host?.ports[0] ?? port,
    credentials: username === undefined || password === undefined ? undefined : { username, password },
    usesTls: isTls || own.cloud !== undefined,
    tls: isTls ? { ca, cert, key, server_name, verify } : undefined,
    local_datacenter,
    client,
    client_options,
    request_timeout_ms,
    retry_timeout_ms,
    wait_for_server_ms,
    signal,
  }
}
