import type { Yaml } from '../../lib/testing/config.ts'

/** A version of Cassandra on which the core of the integration specs runs. */
export interface Server {
  /** Series, which is the name for `npm run test:servers`. */
  readonly name: string
  /** Version on Maven Central. */
  readonly version: string
  /** Supported Java versions, best first. */
  readonly java: readonly number[]
  /** Whether it has transactional tables. They are then switched on. */
  readonly hasAccord: boolean
  /** Names of its integration specs. */
  readonly specs: readonly string[]
}

/**
 * The specs that depend on the server: values and their bytes (types), the server's answers about a table (schemaChange, names), a
 * row (badRows, validation) and a request (write, acknowledged, operations), merging by write time (order), epochs (microBatch) and
 * their checkpoints (checkpointTable), and the ring, its pages and the order of its rows (count, read…). The other specs are about
 * our side, the network or the driver.
 */
const core = [
  'acknowledged',
  'badRows',
  'checkpointTable',
  'count',
  'microBatch',
  'names',
  'order',
  'readPositions',
  'readResume',
  'readStopped',
  'schemaChange',
  'types',
  'validation',
  'write',
] as const

/** Those that also need vectors, storage-attached indexes, or the write times of elements, all of which are new in 5.0. */
const since5 = [
  ...core,
  'operations',
  'read',
  'readFallback',
  'readFollow',
  'readForms',
  'readTables',
  'times',
  'typesCopy',
] as const

export const servers: readonly Server[] = [
  { name: '4.1', version: '4.1.10', java: [11], hasAccord: false, specs: core },
  { name: '5.0', version: '5.0.9', java: [17, 11], hasAccord: false, specs: since5 },
  { name: '6.0', version: '6.0-alpha2', java: [17], hasAccord: true, specs: since5 },
]

/**
 * Settings of a server. Timeouts are long, because the machine may be busy and a read of a transactional table waits for all
 * earlier writes. Specs that need a timeout of the server make it with a proxy.
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
    cas_contention_timeout: '60s',
    native_transport_timeout: '60s',
    cms_commit_timeout: '60s',
    cms_await_timeout: '120s',
  }
}
