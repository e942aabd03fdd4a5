import type { ConnectionOptions } from 'node:tls'
import type { ClientOptions } from 'cassandra-driver'
import type { OptionError } from '../errors.ts'
import { refuse } from './check.ts'

/** Options of the driver that are objects of options. */
type Group = 'policies' | 'pooling' | 'protocolOptions' | 'queryOptions' | 'socketOptions'

type NameIn<Options> = Extract<keyof NonNullable<Options>, string>

type DriverOption =
  | Exclude<keyof ClientOptions, Group>
  | { [Name in Group]: `${Name}.${NameIn<ClientOptions[Name]>}` }[Group]

/** `passed` reaches the driver. `ours` does not: a sink sets it itself, or has no use for it. docs/options.md names these. */
type Verdict =
  | 'passed'
  | 'ours'
  /** Would break a guarantee: refused unless `accepts` takes it. */
  | { readonly expected: string; readonly accepts?: (value: unknown) => boolean }

const use = (option: string): Verdict => ({ expected: `absent: give \`${option}\` in its place` })
const never = (why: string): Verdict => ({ expected: `absent: ${why}` })

/** What happens to each option of the driver's `Client`. An option without a line is passed. */
export const driverVerdicts = {
  authProvider: 'passed',
  cloud: 'passed',
  contactPoints: use('host'),
  credentials: use('username` and `password'),
  encoding: 'ours',
  isMetadataSyncEnabled: 'passed',
  keyspace: use('keyspace'),
  localDataCenter: use('local_datacenter'),
  maxPrepared: 'ours',
  metrics: 'passed',
  prepareOnAllHosts: 'passed',
  profiles: never(
    'a sink has one profile, made of `consistency`, `request_timeout_ms` and `client_options.policies.loadBalancing`',
  ),
  promiseFactory: 'ours',
  refreshSchemaDelay: 'passed',
  rePrepareOnUp: 'passed',
  requestTracker: 'passed',
  sslOptions: 'passed',
  'policies.addressResolution': 'passed',
  'policies.loadBalancing': 'passed',
  'policies.reconnection': 'passed',
  'policies.retry': use('retry_timeout_ms'),
  'policies.speculativeExecution': never('a request that is sent twice could double a list'),
  'policies.timestampGeneration': use('timestamp_column'),
  'pooling.coreConnectionsPerHost': 'passed',
  'pooling.heartBeatInterval': 'passed',
  'pooling.maxRequestsPerConnection': 'ours',
  'pooling.warmup': 'passed',
  'protocolOptions.maxSchemaAgreementWaitSeconds': 'passed',
  'protocolOptions.maxVersion': {
    expected: 'version 4 of the protocol, or 65 or 66 of DSE: an older one cannot leave a column unset',
    accepts: value => value === 0 || value === 4 || value === 0x41 || value === 0x42,
  },
  'protocolOptions.noCompact': 'passed',
  'protocolOptions.port': use('port'),
  'queryOptions.autoPage': 'ours',
  'queryOptions.captureStackTrace': 'passed',
  'queryOptions.consistency': use('consistency'),
  'queryOptions.counter': 'ours',
  'queryOptions.customPayload': 'passed',
  'queryOptions.executionProfile': 'ours',
  'queryOptions.fetchSize': 'ours',
  'queryOptions.hints': 'ours',
  'queryOptions.host': 'ours',
  'queryOptions.isIdempotent': 'ours',
  'queryOptions.keyspace': 'ours',
  'queryOptions.logged': 'ours',
  'queryOptions.pageState': 'ours',
  'queryOptions.prepare': 'ours',
  'queryOptions.readTimeout': use('request_timeout_ms'),
  'queryOptions.retry': 'ours',
  'queryOptions.routingIndexes': 'ours',
  'queryOptions.routingKey': 'ours',
  'queryOptions.routingNames': 'ours',
  'queryOptions.serialConsistency': 'ours',
  'queryOptions.timestamp': 'ours',
  'queryOptions.traceQuery': 'passed',
  'socketOptions.coalescingThreshold': 'passed',
  'socketOptions.connectTimeout': {
    expected: 'an integer from 1 to 600000',
    accepts: value => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 600_000,
  },
  'socketOptions.defunctReadTimeoutThreshold': 'ours',
  'socketOptions.keepAlive': 'passed',
  'socketOptions.keepAliveDelay': 'passed',
  'socketOptions.readTimeout': use('request_timeout_ms'),
  'socketOptions.tcpNoDelay': 'passed',
} satisfies Record<DriverOption, Verdict>

const modernTls: Verdict = {
  expected: 'TLSv1.2 or TLSv1.3',
  accepts: value => value === 'TLSv1.2' || value === 'TLSv1.3',
}

const dialled = never('the driver dials each node at its own address')

/** What happens to each TLS option. An option without a line is passed. */
const tlsOptions = {
  // Node prefers these to the address that the driver dials.
  host: dialled,
  lookup: dialled,
  path: dialled,
  port: dialled,
  socket: dialled,
  minVersion: modernTls,
  maxVersion: modernTls,
  secureProtocol: use('client_options.sslOptions.minVersion'),
  // Node takes the TLS version from it, and not from `minVersion`.
  secureContext: never('it may allow TLS older than 1.2; give `ca`, `cert` and `key` in its place'),
} satisfies { readonly [Name in keyof ConnectionOptions]?: Verdict }

const groups: readonly string[] = [
  'policies',
  'pooling',
  'protocolOptions',
  'queryOptions',
  'socketOptions',
] satisfies Group[]

const verdicts: ReadonlyMap<string, Verdict> = new Map([
  ...Object.entries<Verdict>(driverVerdicts),
  ...Object.entries<Verdict>(tlsOptions).map(([name, verdict]) => [`sslOptions.${name}`, verdict] as const),
])

/**
 * The part of the caller's options that reaches the driver, as a copy.
 * @throws OptionError for an option that would break a guarantee; the message names what to give in its place.
 */
export function passedOptions(own: Partial<ClientOptions>): Partial<ClientOptions> {
  return passedIn(own, '')
}

/** Like {@link passedOptions}, for checks: without a prototype, on which others could have put options. */
export function ownOptions(own: Partial<ClientOptions> | undefined): Partial<ClientOptions> {
  const { sslOptions, ...passed } = bare(passedOptions(own ?? {}))
  return bare(sslOptions === undefined ? passed : { ...passed, sslOptions: bare(sslOptions) })
}

function bare<Options extends object>(options: Options): Options {
  return Object.assign(Object.create(null), options) as Options
}

function passedIn(options: object, path: string): object {
  const passed: [name: string, value: unknown][] = []
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue
    const full = `${path}${name}`
    // The driver copies options by assignment, so this one would become their prototype and bypass every check.
    if (name === '__proto__') throw wrong(full, 'absent: it is no option')
    if (groups.includes(full) || full === 'sslOptions') {
      if (typeof value !== 'object' || Array.isArray(value))
        throw wrong(full, `an object, got a value of type ${typeof value}`)
      passed.push([name, passedIn(value, `${full}.`)])
      continue
    }
    const verdict = verdicts.get(full) ?? 'passed'
    if (verdict === 'ours') continue
    if (verdict !== 'passed' && verdict.accepts?.(value) !== true) throw wrong(full, verdict.expected)
    passed.push([name, value])
  }
  return Object.fromEntries(passed)
}

function wrong(name: string, expected: string): OptionError {
  return refuse('client_options', `Expected \`client_options.${name}\` to be ${expected}`)
}
