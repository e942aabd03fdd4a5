import type { Client, ClientOptions } from 'cassandra-driver'
import { OptionError } from '../errors.ts'
import type { Json } from '../json.ts'
import { type Hosts, parseHosts } from './hosts.ts'
import { unknownOption } from './optionNames.ts'
import { type CassandraWritableOptions, consistencyNames, type MicroBatchSinkOptions } from './options.ts'
import { shown } from './shown.ts'

/** What an option accepts, and the one form in which it is passed on. */
export interface OptionRule<Value = unknown> {
  readonly expected: string
  /** The value in its one form, such as the number that digits stand for. What it cannot read it leaves alone. */
  readonly read?: (given: unknown) => unknown
  readonly accepts: (value: unknown) => value is Value
  readonly fallback?: Value
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const text = { expected: 'a non-empty string', accepts: isText }

/** A whole number without sign, leading zeros and white space: nothing that two readers could read differently. */
const digits = /^(?:0|[1-9]\d{0,15})$/

function integer(from: number, to: number, fallback?: number): OptionRule<number> {
  return {
    expected: `an integer from ${from} to ${to}`,
    read: given => (typeof given === 'string' && digits.test(given) ? Number(given) : given),
    accepts: (value): value is number =>
      Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to,
    ...(fallback !== undefined && { fallback }),
  }
}

function flag(fallback: boolean): OptionRule<boolean> & { readonly fallback: boolean } {
  const words = new Map([
    ['true', true],
    ['false', false],
  ])
  return {
    expected: 'true or false',
    read: given => (typeof given === 'string' ? (words.get(given.toLowerCase()) ?? given) : given),
    accepts: value => typeof value === 'boolean',
    fallback,
  }
}

function oneOf<const Name extends string>(names: readonly Name[], fallback: NoInfer<Name>): OptionRule<Name> {
  return {
    expected: `one of ${names.join(', ')}`,
    accepts: (value): value is Name => names.some(name => name === value),
    fallback,
  }
}

function object<Value>(expected: string, member?: string): OptionRule<Value> {
  return {
    expected,
    accepts: (value): value is Value =>
      typeof value === 'object' && value !== null && (member === undefined || member in value),
  }
}

/** The one list of options: the README's table is checked against it. */
export const optionRules = {
  host: {
    expected: 'a host, a comma-separated list or an array of hosts, none of them a URL',
    read: given => parseHosts(given),
    accepts: value => value !== undefined,
  } as OptionRule<Hosts>,
  port: integer(1, 65_535, 9042),
  keyspace: text,
  table: text,
  username: text,
  password: { expected: 'a string', accepts: value => typeof value === 'string' } as OptionRule<string>,
  ssl_enabled: flag(false),
  ssl_ca_cert: text,
  ssl_client_cert: text,
  ssl_client_key: text,
  ssl_server_name: text,
  ssl_verify: flag(true),
  local_datacenter: text,
  client: object<Client>('a Client of cassandra-driver', 'execute'),
  client_options: object<Partial<ClientOptions>>('an object of cassandra-driver client options'),
  concurrency: integer(1, 2048, 100),
  rows_per_batch: integer(1, 1_000_000, 1000),
  flush_interval_ms: integer(0, 60_000, 10),
  max_buffered_bytes: integer(65_536, Number.MAX_SAFE_INTEGER, 64 * 1024 * 1024),
  max_row_bytes: integer(1, 256 * 1024 * 1024, 1024 * 1024),
  consistency: {
    ...oneOf(consistencyNames, 'LOCAL_QUORUM'),
    read: given => (typeof given === 'string' ? given.toUpperCase() : given),
  },
  delete_flag_column: text,
  delete_flag_value: {
    expected: 'a non-empty string, a number, true or false',
    read: given => (typeof given === 'boolean' || Number.isFinite(given) ? String(given) : given),
    accepts: isText,
  },
  ttl: integer(0, 630_720_000),
  ttl_column: text,
  timestamp_column: text,
  allow_any_timestamp: flag(false),
  nulls: oneOf(['write', 'unset'], 'write'),
  batch_by: oneOf(['replicas', 'partition', 'none'], 'replicas'),
  request_timeout_ms: integer(1, 600_000, 15_000),
  retry_timeout_ms: integer(0, 86_400_000, 60_000),
  max_clock_skew_ms: integer(0, 86_400_000, 10_000),
  signal: object<AbortSignal>('an AbortSignal', 'addEventListener'),
} satisfies Record<keyof CassandraWritableOptions, OptionRule>

/** What the micro-batch sink has beside these. */
export const epochRules = {
  checkpoint_location: text,
  take_over: flag(false),
  rows_per_epoch: integer(1, 1_000_000, 10_000),
  epoch_interval_ms: integer(1, 3_600_000, 1000),
  position: {
    expected: 'a function that gives the place of a row in its source',
    accepts: value => typeof value === 'function',
  } as OptionRule<(row: never) => Json>,
} satisfies Record<Exclude<keyof MicroBatchSinkOptions, keyof typeof optionRules>, OptionRule>

export type Rules = Readonly<Record<string, OptionRule>>

/** Options that were given, each in its one form. */
export type Checked<Known extends Rules> = {
  readonly [Name in keyof Known]?: Known[Name] extends OptionRule<infer Value> ? Value : never
}

export type Given = Checked<typeof optionRules>

/** Options whose value never stands in a message. */
const secrets: ReadonlySet<string> = new Set(['password', 'ssl_client_key', 'client', 'client_options'])

/**
 * Refuses unknown names and values of the wrong form. A value of undefined counts as not given.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function checkEach<Known extends Rules>(options: unknown, rules: Known): Checked<Known> {
  if (typeof options !== 'object' || options === null) {
    throw refuse('options', `Expected options to be an object, got ${shown(options)}`)
  }
  const checked: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) throw unknownOption(name, Object.keys(rules), Object.keys(epochRules))
    if (given === undefined) continue
    const value = rule.read === undefined ? given : rule.read(given)
    if (!rule.accepts(value)) {
      const got = secrets.has(name) ? `a value of type ${typeof given}` : shown(given)
      throw refuse(name, `Expected \`${name}\` to be ${rule.expected}, got ${got}`)
    }
    checked[name] = value
  }
  return checked as Checked<Known>
}

export function refuse(option: string, message: string): OptionError {
  return new OptionError('ERR_CASSANDRA_OPTION', option, message)
}
