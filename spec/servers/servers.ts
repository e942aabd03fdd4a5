import type { Yaml } from '../../lib/testing/config.ts'

/** A version of Cassandra that the core of the integration specs runs on. */
export interface Server {
  /** Series, by which `npm run test:servers` names it. */
  readonly name: string
  /** On Maven Central. */
  readonly version: string
  /** Java versions that it runs on, best first. */
  readonly java: readonly number[]
  /** Whether it has transactional tables, which are then switched on. */
  readonly hasAccord: boolean
}

export const servers: readonly Server[] = [
  { name: '4.1', version: '4.1.10', java: [11], hasAccord: false },
  { name: '5.0', version: '5.0.9', java: [17, 11], hasAccord: false },
  { name: '6.0', version: '6.0-alpha2', java: [17], hasAccord: true },
]

/**
 * The core: what of a sink depends on the server. Values and their bytes (types), what the server says of a table
 * (schemaChange), of a row (badRows, validation) and of a request (write, acknowledged), how it merges by write time
 * (order), and what an epoch keeps in it (microBatch). The others are about this side, the network or the driver.
 */
export const core = [
  'acknowledged',
  'badRows',
  'microBatch',
  'order',
  'schemaChange',
  'types',
  'validation',
  'write',
] as const

/**
 * Timeouts on a busy machine are long: a read of a transactional table waits for all writes before it, and the specs
 * make the faults that they need.
 *
 * @param folder for the journal of Accord
 */
export function yamlOf({ hasAccord }: Server, folder: string): Yaml {
  if (!hasAccord) return {}
  return {
    accord: { enabled: true, journal_directory: folder },
    read_request_timeout: '60s',
    range_request_timeout: '60s',
    write_request_timeout: '60s',
    native_transport_timeout: '60s',
    cms_commit_timeout: '60s',
    cms_await_timeout: '120s',
  }
}
