import type { ClientOptions } from 'cassandra-driver'
import { type Given, refuse, withDefaults } from './check.ts'
import { ownOptions } from './clientOptions.ts'
import { writeEntries } from './entries.ts'
import { isSystemKeyspace } from './systemKeyspace.ts'

type Name = keyof Given

const tlsNames = [
  'ssl_ca_cert',
  'ssl_client_cert',
  'ssl_client_key',
  'ssl_server_name',
  'ssl_verify',
] as const satisfies readonly Name[]

/** Options that an existing `client` decides. */
const inClient = [
  'host',
  'port',
  'username',
  'password',
  'ssl_enabled',
  ...tlsNames,
  'local_datacenter',
  'client_options',
] as const satisfies readonly Name[]

/** Options that a secure connect bundle decides. */
const inBundle = [
  'host',
  'port',
  'ssl_enabled',
  ...tlsNames,
  'local_datacenter',
] as const satisfies readonly Name[]

/** TLS options of the driver, and our options that they replace. */
const tlsTwins = [
  ['ca', 'ssl_ca_cert'],
  ['cert', 'ssl_client_cert'],
  ['key', 'ssl_client_key'],
  ['pfx', 'ssl_client_cert'],
  ['servername', 'ssl_server_name'],
] as const

/**
 * Checks options against each other.
 * @returns the names that must be given.
 * @throws OptionError
 */
export function checkTogether(given: Given): { readonly keyspace: string; readonly table: string } {
  const { keyspace, table } = given
  if (keyspace === undefined) throw missing('keyspace')
  if (table === undefined) throw missing('table')
  if (isSystemKeyspace(keyspace)) {
    const message = `Expected \`keyspace\` to be one of yours: \`${keyspace}\` is Cassandra's own`
    throw refuse('keyspace', message)
  }
  bothOrNeither(given, 'username', 'password')
  bothOrNeither(given, 'ssl_client_cert', 'ssl_client_key')
  bothOrNeither(given, 'delete_flag_column', 'delete_flag_value')
  if (given.max_errors !== undefined && given.on_bad_row === undefined) {
    throw refuse('on_bad_row', 'Expected `on_bad_row` to be given beside `max_errors`')
  }
  if (given.allow_any_timestamp === true && given.timestamp_column === undefined) {
    const message = 'Expected `timestamp_column` to be given beside `allow_any_timestamp`'
    throw refuse('timestamp_column', message)
  }
  if (given.operation_column !== undefined) {
    absent(given, ['delete_flag_column', 'delete_flag_value'], '`operation_column` already names deletes')
  }
  eachOnce(given, ['delete_flag_column', 'ttl_column', 'timestamp_column', 'operation_column'])
  checkServer(given)
  checkTls(given)
  return { keyspace, table }
}

/** The server comes from `client`, from a cloud bundle, or from `host`. */
function checkServer(given: Given): void {
  const { client } = given
  if (client !== undefined) {
    const reason = '`client` is already connected its own way'
    absent(given, inClient, reason)
    const { options } = client as { options?: ClientOptions }
    const most = options?.protocolOptions?.maxVersion ?? 0
    if (most > 0 && most < 4) {
      const message = 'Expected `client` to use protocol version 4: an older one cannot leave a column unset'
      throw refuse('client', message)
    }
    return
  }
  const { cloud, authProvider } = ownOptions(given.client_options)
  if (cloud !== undefined) {
    absent(given, inBundle, '`client_options.cloud` names the servers and brings its certificates')
  } else if (given.host === undefined) throw refuse('host', 'Expected `host` or `client` to be given')
  if (authProvider !== undefined) {
    absent(given, ['username', 'password'], '`client_options.authProvider` logs in')
  }
  const ports = new Set([...(given.host?.ports ?? []), ...(given.port === undefined ? [] : [given.port])])
  if (ports.size > 1) {
    throw refuse('port', `Expected one port for all hosts, got ${[...ports].join(' and ')}`)
  }
}

/** No option switches verification off by accident. */
function checkTls(given: Given): void {
  const { ssl_enabled } = given
  const { sslOptions: own, cloud } = ownOptions(given.client_options)
  if (!ssl_enabled) {
    const stray = tlsNames.find(name => given[name] !== undefined)
    const isOn = stray === 'ssl_verify' && own !== undefined
    if (stray !== undefined && !isOn) {
      throw refuse(stray, `Expected \`ssl_enabled\` to be true beside \`${stray}\``)
    }
  }
  if (own === undefined) return
  if (ssl_enabled === false) {
    throw refuse('ssl_enabled', 'Expected `ssl_enabled` to be true beside `client_options.sslOptions`')
  }
  if (cloud !== undefined) {
    throw wrongTls('', 'absent beside `client_options.cloud`, which brings its certificates')
  }
  for (const [name, option] of tlsTwins) {
    if (own[name] !== undefined && given[option] !== undefined) {
      throw wrongTls(`.${name}`, `absent beside \`${option}\``)
    }
  }
  const { ssl_verify: verify } = withDefaults(given, writeEntries)
  if (verify && own.rejectUnauthorized !== undefined && own.rejectUnauthorized !== true) {
    throw wrongTls('.rejectUnauthorized', 'true: set `ssl_verify: false` if the server may be anybody')
  }
  const authorities = [given.ssl_ca_cert, own.ca].flat()
  const isPublic = !authorities.some(authority => authority !== undefined && authority.length > 0)
  if (verify && own.checkServerIdentity !== undefined && isPublic) {
    const reason = 'absent unless `ssl_ca_cert` is given: a public authority signs for any host'
    throw wrongTls('.checkServerIdentity', reason)
  }
}

function bothOrNeither(given: Given, one: Name, other: Name): void {
  if ((given[one] === undefined) === (given[other] === undefined)) return
  const [there, absentee] = given[one] !== undefined ? [one, other] : [other, one]
  throw refuse(absentee, `Expected \`${absentee}\` to be given beside \`${there}\``)
}

/**
 * Each option must name a property of its own.
 * @throws OptionError
 */
export function eachOnce(given: Given, names: readonly Name[]): void {
  const owners = new Map<unknown, Name>()
  for (const name of names) {
    const owner = owners.get(given[name])
    if (given[name] === undefined) continue
    if (owner !== undefined) {
      throw refuse(name, `Expected \`${name}\` to name another property than \`${owner}\` does`)
    }
    owners.set(given[name], name)
  }
}

function absent(given: Given, names: readonly Name[], reason: string): void {
  const name = names.find(name => given[name] !== undefined)
  if (name !== undefined) throw refuse(name, `Expected \`${name}\` to be absent, because ${reason}`)
}

function missing(name: Name): Error {
  return refuse(name, `Expected \`${name}\` to be given`)
}

function wrongTls(path: string, expected: string): Error {
  return refuse('client_options', `Expected \`client_options.sslOptions${path}\` to be ${expected}`)
}
