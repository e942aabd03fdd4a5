import { inspect } from 'node:util'
import { OptionError } from '../errors.ts'
import { nearestNames } from './nearest.ts'
import { type CassandraWritableOptions, consistencyNames, type MicroBatchSinkOptions } from './options.ts'

export interface OptionRule {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
  readonly fallback?: unknown
}

const text: OptionRule = {
  expected: 'a non-empty string',
  accepts: value => typeof value === 'string' && value !== '',
}

function integer(from: number, to: number, fallback?: number): OptionRule {
  return {
    expected: `an integer from ${from} to ${to}`,
    accepts: value => Number.isInteger(value) && (value as number) >= from && (value as number) <= to,
    ...(fallback !== undefined && { fallback }),
  }
}

function oneOf(names: readonly string[], fallback: string): OptionRule {
  return {
    expected: `one of ${names.join(', ')}`,
    accepts: value => typeof value === 'string' && names.includes(value),
    fallback,
  }
}

function object(expected: string, member: string): OptionRule {
  return { expected, accepts: value => typeof value === 'object' && value !== null && member in value }
}

/** The one list of options: the README's table is checked against it. */
export const optionRules = {
  host: {
    expected: 'a host, a comma-separated list of hosts, or an array of hosts',
    accepts: value =>
      hostList(value).length > 0 && hostList(value).every(host => typeof host === 'string' && host !== ''),
  },
  port: integer(1, 65_535, 9042),
  keyspace: text,
  table: text,
  username: text,
  password: { expected: 'a string', accepts: value => typeof value === 'string' },
  ssl_enabled: { expected: 'true or false', accepts: value => typeof value === 'boolean', fallback: false },
  ssl_ca_cert: text,
  ssl_client_cert: text,
  ssl_client_key: text,
  ssl_server_name: text,
  local_datacenter: text,
  client: object('a Client of cassandra-driver', 'execute'),
  client_options: {
    expected: 'an object of cassandra-driver client options',
    accepts: value => typeof value === 'object' && value !== null,
  },
  concurrency: integer(1, 2048, 100),
  rows_per_batch: integer(1, 1_000_000, 1000),
  flush_interval_ms: integer(0, 60_000, 10),
  max_buffered_bytes: integer(65_536, Number.MAX_SAFE_INTEGER, 64 * 1024 * 1024),
  max_row_bytes: integer(1, 256 * 1024 * 1024, 1024 * 1024),
  consistency: {
    ...oneOf(consistencyNames, 'LOCAL_QUORUM'),
    accepts: value =>
      typeof value === 'string' && consistencyNames.some(name => name === value.toUpperCase()),
  },
  delete_flag_column: text,
  delete_flag_value: text,
  ttl: integer(0, 630_720_000),
  ttl_column: text,
  timestamp_column: text,
  nulls: oneOf(['write', 'unset'], 'write'),
  batch_by: oneOf(['replicas', 'partition', 'none'], 'replicas'),
  request_timeout_ms: integer(1, 600_000, 15_000),
  retry_timeout_ms: integer(0, 86_400_000, 60_000),
  signal: object('an AbortSignal', 'aborted'),
} satisfies Record<keyof CassandraWritableOptions, OptionRule>

export type OptionName = keyof typeof optionRules

/** What the micro-batch sink has beside these. */
export const epochRules = {
  checkpoint_location: text,
  rows_per_epoch: integer(1, 1_000_000, 10_000),
  epoch_interval_ms: integer(1, 3_600_000, 1000),
  position: {
    expected: 'a function that gives the place of a row in its source',
    accepts: value => typeof value === 'function',
  },
} satisfies Record<Exclude<keyof MicroBatchSinkOptions, OptionName>, OptionRule>

export type Rules = Readonly<Record<string, OptionRule>>

/** Options whose value never stands in a message. */
const secrets: ReadonlySet<string> = new Set(['password', 'ssl_client_key', 'client', 'client_options'])

/**
 * Refuses unknown names and values of the wrong form. A value of undefined counts as not given.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function checkEach<Options extends object = CassandraWritableOptions>(
  options: unknown,
  rules: Rules = optionRules,
): Partial<Options> {
  if (typeof options !== 'object' || options === null) {
    throw refuse('options', `Expected options to be an object, got ${show(options)}`)
  }
  const given: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) throw unknown(name, rules)
    if (value === undefined) continue
    if (!rule.accepts(value)) {
      const got = secrets.has(name) ? `a value of type ${typeof value}` : show(value)
      throw refuse(name, `Expected \`${name}\` to be ${rule.expected}, got ${got}`)
    }
    given[name] = value
  }
  return given as Partial<Options>
}

export function refuse(option: string, message: string): OptionError {
  return new OptionError('ERR_CASSANDRA_OPTION', option, message)
}

function unknown(name: string, rules: Rules): OptionError {
  const [near] = nearestNames(name, Object.keys(rules))
  const advice = near === undefined ? '' : `; did you mean \`${near}\`?`
  return new OptionError('ERR_CASSANDRA_OPTION_UNKNOWN', name, `Unknown option \`${name}\`${advice}`)
}

function show(value: unknown): string {
  return `\`${inspect(value, { depth: 0, maxStringLength: 60, breakLength: Infinity }).slice(0, 80)}\``
}

/** `host` in any of its spellings as a list. */
export function hostList(host: unknown): unknown[] {
  if (typeof host === 'string') return host.split(',').map(part => part.trim())
  return Array.isArray(host) ? host : []
}
