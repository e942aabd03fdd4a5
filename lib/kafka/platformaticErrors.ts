import { KafkaError } from '../errors.ts'
import { isError } from '../realm.ts'

/** Error codes of a partition that may pass: another broker, or the same one later, may return its messages. */
const PASSING: readonly number[] = [-1, 3, 5, 6, 7, 9, 13, 56, 74, 75, 78, 100, 103]

/** Codes of the library's errors, and names of the protocol's errors, for which another try cannot help. */
const HOPELESS_CODES: readonly string[] = [
  'PLT_KFK_AUTHENTICATION',
  'PLT_KFK_UNSUPPORTED_API',
  'PLT_KFK_UNSUPPORTED',
]
const HOPELESS_NAME = /AUTHORIZATION_FAILED$|^FENCED_INSTANCE_ID$/

/** An error of `@platformatic/kafka`. */
interface LibraryError {
  readonly code?: string
  /** Name of the protocol's error. */
  readonly apiId?: string
  readonly errors?: readonly unknown[]
}

/** Whether a partition that a broker refused with this error code may be read later. */
export function mayPass(errorCode: number): boolean {
  return PASSING.includes(errorCode)
}

/** Whether another try to join a group cannot help. */
export function isHopeless(error: unknown): boolean {
  return some(
    error,
    ({ code = '', apiId = '' }) => HOPELESS_CODES.includes(code) || HOPELESS_NAME.test(apiId),
  )
}

/** Whether another member has joined the group with the same `groupInstanceId`. Each try would throw out the other member. */
export function isFenced(error: unknown): boolean {
  return some(error, ({ apiId }) => apiId === 'FENCED_INSTANCE_ID')
}

/** The error for a member of which {@link isFenced} is true. */
export function fencedBy(cause: unknown, group_id: string, instance: unknown): KafkaError {
  const text =
    `Another member of group ${group_id} has the same \`groupInstanceId\`, ${instance}, and has taken the place of this one. ` +
    'Give each process its own in `kafka_options`, or none'
  return new KafkaError('ERR_CASSANDRA_KAFKA', text, { cause })
}

/** Whether a topic does not exist. */
export function isUnknownTopic(error: unknown): boolean {
  return isError(error) && error.message.startsWith('Unknown topic')
}

/** Whether this holds for an error, or for one of those that it consists of. */
function some(error: unknown, holds: (error: LibraryError) => boolean): boolean {
  const one = (error ?? {}) as LibraryError
  return holds(one) || (one.errors ?? []).some(each => some(each, holds))
}
