import { executedId, type Frame, int, LOCAL_QUORUM, short, string } from './frame.ts'

/** One error of the native protocol (§9). */
export interface ServerError {
  readonly name: string
  readonly code: number
  /** A message of a real server. */
  readonly message: string
  /** What follows code and message in the body, in protocol v4. */
  readonly details?: (request: Frame) => Buffer
}

const always = (...parts: Buffer[]) => {
  const details = Buffer.concat(parts)
  return () => details
}

/** The only replica did not answer. */
const NONE_OF_ONE = Buffer.concat([LOCAL_QUORUM, int(0), int(1)])

/** All error codes of the protocol. */
export const serverErrors: readonly ServerError[] = [
  { name: 'Server_error', code: 0x0000, message: 'java.lang.NullPointerException' },
  { name: 'Protocol_error', code: 0x000a, message: 'Invalid or unsupported protocol version' },
  { name: 'Bad_credentials', code: 0x0100, message: 'Provided username and/or password are incorrect' },
  {
    name: 'Unavailable',
    code: 0x1000,
    message: 'Cannot achieve consistency level LOCAL_QUORUM',
    details: always(LOCAL_QUORUM, int(1), int(0)),
  },
  { name: 'Overloaded', code: 0x1001, message: 'Server is overloaded' },
  { name: 'Is_bootstrapping', code: 0x1002, message: 'Cannot read from a bootstrapping node' },
  { name: 'Truncate_error', code: 0x1003, message: 'Error during truncate: timed out' },
  {
    name: 'Write_timeout',
    code: 0x1100,
    message: 'Operation timed out',
    details: always(NONE_OF_ONE, string('UNLOGGED_BATCH')),
  },
  {
    name: 'Read_timeout',
    code: 0x1200,
    message: 'Operation timed out',
    details: always(NONE_OF_ONE, Buffer.from([0])),
  },
  {
    name: 'Read_failure',
    code: 0x1300,
    message: 'Operation failed',
    details: always(NONE_OF_ONE, int(1), Buffer.from([0])),
  },
  {
    name: 'Function_failure',
    code: 0x1400,
    message: "execution of 'shop.f[int]' failed",
    details: always(string('shop'), string('f'), short(1), string('int')),
  },
  {
    name: 'Write_failure',
    code: 0x1500,
    message: 'Operation failed',
    details: always(NONE_OF_ONE, int(1), string('UNLOGGED_BATCH')),
  },
  { name: 'CDC_write_failure', code: 0x1600, message: 'Rejecting mutation: free up space in cdc_raw' },
  {
    name: 'CAS_write_unknown',
    code: 0x1700,
    message: 'CAS operation result is unknown',
    details: always(NONE_OF_ONE),
  },
  { name: 'Syntax_error', code: 0x2000, message: "line 1:0 no viable alternative at input 'INSERTT'" },
  { name: 'Unauthorized', code: 0x2100, message: 'User loader has no MODIFY permission on <table shop.t>' },
  { name: 'Invalid', code: 0x2200, message: 'Not today' },
  { name: 'Config_error', code: 0x2300, message: 'Missing sub-option' },
  {
    name: 'Already_exists',
    code: 0x2400,
    message: 'Cannot add already existing table "t" to keyspace "shop"',
    details: always(string('shop'), string('t')),
  },
  {
    name: 'Unprepared',
    code: 0x2500,
    message: 'Prepared query not found',
    details: request => {
      const id = Buffer.from(executedId(request), 'hex')
      return Buffer.concat([short(id.length), id])
    },
  },
]
