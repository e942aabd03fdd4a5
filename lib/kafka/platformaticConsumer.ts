import type {
  API,
  Broker,
  Callback,
  CallbackWithPromise,
  Connection,
  Consumer,
  ConsumerOptions,
} from '@platformatic/kafka'
import type { Platformatic } from './platformaticOptions.ts'
import type { SilentBrokers } from './silentBrokers.ts'

const READ_COMMITTED = 1

/** Where the isolation level stands among the arguments of a Fetch request. */
const ISOLATION_LEVEL_INDEX = 3

/** Where the callback stands among the arguments with which a connection sends a request. */
const CALLBACK_INDEX = 6

/** Requests for which a broker may wait: for messages (Fetch), and for other members of the group (JoinGroup, SyncGroup). */
const LONG_REQUESTS: readonly number[] = [1, 11, 14]

/** Requests that each broker can answer: Metadata, FindCoordinator, ApiVersions. */
const COMMON_REQUESTS: readonly number[] = [3, 10, 18]

/** Marks the error for a broker that has left the cluster. */
const HAS_LEFT = 'hasLeft'

/**
 * Makes a consumer without four faults of the library. The first two throw in a handler of a socket, which ends the process:
 *
 * - It looks up the coordinator of a group among the brokers, where it is missing after it has left the cluster. The same holds for
 *   the leader of a partition.
 * - With `READ_COMMITTED` it removes messages of aborted transactions itself, and expects that each transaction has some. Here, the
 *   broker gets that level and the library does not, because `recordsIn` removes these messages too.
 * - It has no metadata at all while one partition has no leader, so no partition could be read and no heartbeat sent.
 * - It always asks the first broker to which it can connect, and keeps a connection on which a request has timed out, so a broker
 *   that hangs would be asked for ever. Some later versions of the library have the same remedies. It never looks for another
 *   coordinator either, so a request that no other broker can answer is not repeated.
 */
export function newConsumer(
  module: Platformatic,
  silent: SilentBrokers,
  options: ConsumerOptions<Buffer, Buffer, Buffer, Buffer>,
): Consumer {
  class MendedConsumer extends module.Consumer {
    constructor() {
      super({ ...options, autocreateTopics: false })
      const pool = this.connections
      const getFirst = pool.getFirstAvailable.bind(pool)
      pool.getFirstAvailable = ((brokers: Broker[], callback: CallbackWithPromise<Connection>) =>
        getFirst(silent.ordered(brokers), callback)) as typeof pool.getFirstAvailable
      // A machine without power answers no attempt to connect.
      pool.on('connecting', ({ broker }: { broker: Broker }) => silent.asked(broker))
      this.on('client:broker:connect', ({ broker, connection }) => watch(module, silent, broker, connection))
    }

    override [module.kGetConnection](broker: Broker | undefined, callback: Callback<Connection>): void {
      if (broker !== undefined) super[module.kGetConnection](broker, callback)
      // The retries of the library would look among the same brokers.
      else
        callback(
          new module.NetworkError('A broker has left the cluster', { canRetry: false, [HAS_LEFT]: true }),
        )
    }

    override [module.kGetApi]<Arguments extends unknown[], Response>(
      name: string,
      callback: Callback<API<Arguments, Response>>,
    ): void {
      super[module.kGetApi]<Arguments, Response>(name, (error, api) => {
        if (name === 'Fetch' && api !== undefined) callback(error, readingCommitted(api))
        else if (name === 'Metadata' && api !== undefined) callback(error, withLeaderless(api))
        else callback(error, api)
      })
    }
  }
  return new MendedConsumer()
}

/** Notes whether requests on a connection are answered, and ends the connection if one is not. */
function watch(module: Platformatic, silent: SilentBrokers, broker: Broker, connection: Connection): void {
  const { host, port } = broker
  const { limit_ms } = silent
  let inFlight = 0
  let isGivenUp = false
  const giveUp = () => {
    isGivenUp = true
    silent.overdue(broker)
    connection.socket.destroy()
  }
  const send = connection.send.bind(connection)
  connection.send = (...given) => {
    const callback = given[CALLBACK_INDEX]
    // A broker answers the requests of a connection in their order.
    const isShort = inFlight++ === 0 && !LONG_REQUESTS.includes(given[0])
    const timer = isShort ? setTimeout(giveUp, limit_ms) : undefined
    const settled: typeof callback = (error, response) => {
      clearTimeout(timer)
      inFlight--
      if (error instanceof module.TimeoutError) giveUp()
      else if (!(error instanceof module.NetworkError)) silent.answered(broker)
      const isSilent = isGivenUp && error instanceof module.NetworkError
      const why = `The broker at ${host}:${port} has not answered within ${limit_ms} ms`
      const canRetry = COMMON_REQUESTS.includes(given[0])
      callback(isSilent ? new module.NetworkError(why, { cause: error, canRetry }) : error, response)
    }
    silent.asked(broker)
    send(...(given.with(CALLBACK_INDEX, settled) as typeof given))
  }
}

/** Whether a request failed because its broker has left the cluster. */
export function hasLeft(error: unknown): boolean {
  const { findBy } = error as { readonly findBy?: (property: string, value: unknown) => unknown }
  return findBy?.call(error, HAS_LEFT, true) != null
}

/** The Fetch request, always with `READ_COMMITTED`. */
function readingCommitted<Arguments extends unknown[], Response>(
  api: API<Arguments, Response>,
): API<Arguments, Response> {
  const reading = (connection: Connection, ...given: [...Arguments, callback: Callback<Response>]) =>
    api(connection, ...(given.with(ISOLATION_LEVEL_INDEX, READ_COMMITTED) as typeof given))
  return Object.assign(reading, api)
}

/** An error for a part of a response, which it names by a path. */
interface PartError {
  readonly path?: string
}

/** The Metadata request, whose answer may have partitions without a leader. */
function withLeaderless<Arguments extends unknown[], Response>(
  api: API<Arguments, Response>,
): API<Arguments, Response> {
  const asking = (connection: Connection, ...given: [...Arguments, callback: Callback<Response>]) => {
    const callback = given.at(-1) as Callback<Response>
    const answered: Callback<Response> = (error, response) => {
      const { errors = [], response: found } = (error ?? {}) as {
        readonly errors?: readonly PartError[]
        readonly response?: Response
      }
      const isOfPartitions = errors.length > 0 && errors.every(({ path = '' }) => PARTITION_PATH.test(path))
      if (isOfPartitions && found !== undefined) callback(null, found)
      else callback(error, response as Response)
    }
    return api(connection, ...(given.with(-1, answered) as typeof given))
  }
  return Object.assign(asking, api)
}

const PARTITION_PATH = /^\/topics\/\d+\/partitions\/\d+$/
