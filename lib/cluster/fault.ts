/**
 * What a failed request means for its rows. Every write is idempotent, because it carries its own timestamp. "Not applied" and
 * "unknown" therefore have the same answer: send it again.
 */
export type Fault =
  /** Transient: the server was unreachable or failed. */
  | 'retry'
  /** Transient, and a sign that too much is asked for: overloaded, no answer in time, or too many rows per page. */
  | 'slow'
  /** Too few replicas are alive. Transient, unless the keyspace has too few of them. */
  | 'unavailable'
  /** The server failed while it stored the rows. Transient, unless one of the rows makes it fail. */
  | 'failure'
  /** The request is too large for one batch. */
  | 'split'
  /** The server refuses the content of the request: find the row. */
  | 'row'
  /** The table may have changed, or the node may not know it yet. The driver reports it like a transient fault. */
  | 'schema'
  /** The table or keyspace cannot be written at this consistency level. */
  | 'consistency'
  /** The cluster takes no write times from clients. */
  | 'timestamps'
  /** The cluster refuses the write time of a row. The row is to blame only if it names that time itself. */
  | 'time'
  | 'unauthorized'
  | 'credentials'
  /** The caller shut its client down. */
  | 'closed'
  /** No retry can help. */
  | 'fatal'

/** Error codes of the native protocol, v4 §9. */
const serverFaults: Readonly<Record<number, Fault>> = {
  0: 'failure', // server error
  256: 'credentials',
  4096: 'unavailable',
  4097: 'slow', // overloaded
  4098: 'retry', // is bootstrapping
  4099: 'retry', // truncate error
  4352: 'slow', // write timeout
  4608: 'retry', // read timeout
  4864: 'failure', // read failure
  5376: 'failure', // write failure
  5632: 'retry', // no room for change data capture
  5888: 'slow', // outcome of a transaction unknown
  8448: 'unauthorized',
  9472: 'schema', // unprepared
}

/**
 * Invalid requests (0x2200) for which no row is to blame. Cassandra has one code for all of them, so the text decides.
 */
const invalidFaults: readonly (readonly [RegExp, Fault])[] = [
  [/batch too large/i, 'split'],
  // A replica's disk is full (guardrail of CASSANDRA-17150), or its space for change data capture (reported so by protocol v3).
  [/guardrail replica_disk_usage violated|error cdc_write_failure/i, 'retry'],
  // A page may have fewer rows.
  [/guardrail page_size violated|page size \S+ exceeds fail threshold/i, 'slow'],
  [/guardrail user_timestamps violated/i, 'timestamps'],
  [/guardrail (?:minimum|maximum)_timestamp violated/i, 'time'],
  // The schema has changed, or the node does not know a change yet.
  [
    /(?:keyspace|table|type|column family) \S+ does(?:n't| not) exist|unconfigured (?:table|columnfamily)|undefined column name|unknown (?:table|keyspace|identifier|type) |cannot assign value \(.+\)\? to /i,
    'schema',
  ],
  [/unsupported with accord|consistency level|conditional updates for serializable writes/i, 'consistency'],
]

/** The driver's errors, told by shape and not by class: a borrowed client may come from another copy of the driver. */
export interface DriverError {
  readonly name?: string
  readonly message: string
  readonly code?: number | string
  readonly isSocketError?: boolean
  /** The request never left this process. */
  readonly requestNotWritten?: boolean
  readonly innerErrors?: Readonly<Record<string, DriverError | string | null>> | null
}

export function faultOf(error: unknown): Fault {
  if (!isDriverError(error)) return 'fatal'
  const { name, message, code, isSocketError, innerErrors } = error
  if (afterShutdown.test(message)) return 'closed'
  if (innerErrors !== undefined) {
    const faults = innerErrorsOf(error).map(faultOf)
    return faults.find(fault => fault === 'schema') ?? faults.find(fault => fault === 'slow') ?? 'retry'
  }
  // A write that was in flight when its table was dropped.
  if (code === SERVER_ERROR && /unknown (?:cf|keyspace)/i.test(message)) return 'schema'
  if (code === INVALID) return invalidFaults.find(([words]) => words.test(message))?.[1] ?? 'row'
  // No replica of `system_auth` answers the node.
  if (code === UNAUTHORIZED && /unable to perform authorization/i.test(message)) return 'retry'
  if (typeof code === 'number') return serverFaults[code] ?? 'fatal'
  if (slowNames.has(name ?? '')) return 'slow'
  if (forgotten.test(message)) return 'schema'
  if (isSocketError || systemError.test(String(code)) || noConnection.test(message)) return 'retry'
  return 'fatal'
}

/** Whether the rows of a request are sent again after this fault, unchanged or in smaller requests. */
export function mayBeSentAgain(fault: Fault): boolean {
  return sentAgain.has(fault)
}

const sentAgain: ReadonlySet<Fault> = new Set(['retry', 'slow', 'failure', 'split', 'row'])

/**
 * False only if the server cannot have stored anything: nothing was sent, or the server did not know the statement. An
 * unlogged batch is stored partition by partition, so after any other fault a part of it may be applied.
 */
export function mayBeApplied(error: unknown): boolean {
  if (!isDriverError(error)) return true
  const { name, message, code, innerErrors, requestNotWritten } = error
  if (innerErrors !== undefined) return innerErrorsOf(error).some(mayBeApplied)
  if (requestNotWritten || noConnection.test(message) || forgotten.test(message)) return false
  return code !== UNPREPARED && code !== BOOTSTRAPPING && code !== INVALID && name !== 'BusyConnectionError'
}

/** Whether the driver or a server stopped waiting for the answer to a read. The read may ask for too much. */
export function isTimeout(error: unknown): boolean {
  if (!isDriverError(error)) return false
  if (error.innerErrors !== undefined) return innerErrorsOf(error).some(isTimeout)
  return error.code === READ_TIMEOUT || error.name === TIMED_OUT
}

/**
 * The error to report after two attempts. If nobody answered the later one within a shortened time limit, it says nothing about
 * the servers, and the earlier error does.
 */
export function moreTelling(earlier: unknown, later: unknown, isShortened: boolean): unknown {
  return isShortened && earlier !== undefined && isUnanswered(later) ? earlier : later
}

function isUnanswered(error: unknown): boolean {
  if (!isDriverError(error)) return false
  if (error.innerErrors == null) return error.name === TIMED_OUT
  const inner = innerErrorsOf(error)
  return inner.length > 0 && inner.every(isUnanswered)
}

const READ_TIMEOUT = 0x1200
const TIMED_OUT = 'OperationTimedOutError'

const SERVER_ERROR = 0x0000
const UNAUTHORIZED = 0x2100
const INVALID = 0x2200
const UNPREPARED = 0x2500
const BOOTSTRAPPING = 0x1002

const slowNames: ReadonlySet<string> = new Set([TIMED_OUT, 'BusyConnectionError'])

/** Names of failed system calls, such as ECONNRESET. */
const systemError = /^E[A-Z]+$/

/** The driver's error, without a class or a code, when it must prepare a statement while it reconnects. */
const noConnection = /^No connection available$/

/** The driver's error for a statement that both it and the server have forgotten. */
const forgotten = /^Unprepared response invalid/

const afterShutdown = /after shutdown/

function innerErrorsOf({ innerErrors }: DriverError): DriverError[] {
  return Object.values(innerErrors ?? {}).filter(isDriverError)
}

function isDriverError(error: unknown): error is DriverError {
  return typeof error === 'object' && error !== null && 'message' in error
}
