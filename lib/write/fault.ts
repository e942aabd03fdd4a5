/**
 * What a failed request means for its rows. Every write here is idempotent, because it carries its own timestamp, so
 * "not applied" and "unknown" are answered alike: send it again.
 */
export type Fault =
  /** Passing: the server was unreachable or failed. */
  | 'retry'
  /** Passing as well, and a sign that too much is in flight: overloaded, or no answer in time. */
  | 'slow'
  /** The request is too large for one batch. */
  | 'split'
  /** The server refuses what is in the request: find the row. */
  | 'row'
  /** The table may have changed, or the node may not know it yet. It looks like a passing fault in the driver. */
  | 'schema'
  | 'unauthorized'
  | 'credentials'
  /** No retry can help. */
  | 'fatal'

/** Error codes of the native protocol, v4 §9. */
const serverFaults: Readonly<Record<number, Fault>> = {
  0: 'retry', // server error
  256: 'credentials',
  4096: 'retry', // unavailable
  4097: 'slow', // overloaded
  4098: 'retry', // is bootstrapping
  4099: 'retry', // truncate error
  4352: 'slow', // write timeout
  4608: 'retry', // read timeout
  5376: 'retry', // write failure
  5632: 'retry', // no room for change data capture
  8448: 'unauthorized',
  8704: 'row', // invalid
  9472: 'schema', // unprepared
}

/** The driver's errors by shape and not by class: a borrowed client may come from another copy of the driver. */
export interface DriverError {
  readonly name?: string
  readonly message: string
  readonly code?: number | string
  readonly isSocketError?: boolean
  readonly innerErrors?: Readonly<Record<string, DriverError | string | null>>
}

export function faultOf(error: unknown): Fault {
  if (typeof error !== 'object' || error === null) return 'fatal'
  const { name, message, code, isSocketError, innerErrors } = error as DriverError
  if (innerErrors !== undefined) {
    const faults = Object.values(innerErrors).filter(isDriverError).map(faultOf)
    return faults.find(fault => fault === 'schema') ?? faults.find(fault => fault === 'slow') ?? 'retry'
  }
  if (typeof code === 'number') {
    if (code === 0x2200 && /batch too large/i.test(message)) return 'split'
    if (code === 0x2200 && aboutSchema.test(message)) return 'schema'
    return serverFaults[code] ?? 'fatal'
  }
  if (slowNames.has(name ?? '')) return 'slow'
  if (isSocketError || systemError.test(String(code)) || noConnection.test(message)) return 'retry'
  return 'fatal'
}

/**
 * What the server calls invalid in a statement to prepare, and so never the fault of a row: a keyspace, table, column
 * or type that it does not know (any more), or a column of another type.
 */
const aboutSchema =
  /(?:keyspace|table|column family) \S+ does not exist|unconfigured (?:table|columnfamily)|undefined column name|unknown (?:identifier|type) |cannot assign value \(.+\)\? to /i

const slowNames: ReadonlySet<string> = new Set(['OperationTimedOutError', 'BusyConnectionError'])

/** Names of failed system calls, such as ECONNRESET. */
const systemError = /^E[A-Z]+$/

/** What the driver throws, without a class or a code, for a statement to prepare while it connects again. */
const noConnection = /^No connection available$/

function isDriverError(error: DriverError | string | null): error is DriverError {
  return typeof error === 'object' && error !== null
}
