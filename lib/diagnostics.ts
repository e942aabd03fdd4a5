import * as diagnostics from 'node:diagnostics_channel'

/** The table that a message is about. */
export interface TableContext {
  /** Keyspace of the table. */
  readonly keyspace: string
  /** Name of the table. */
  readonly table: string
}

/** Payload of `cassandra-streams:open`: a sink or a source that connects and describes its table. */
export interface OpenContext extends TableContext {
  /** Contact points. Empty with a `client` of the caller's. */
  readonly hosts: readonly string[]
  /** Port of the contact points. */
  readonly port: number
  /** Why it failed. */
  error?: unknown
}

/** Payload of `cassandra-streams:request`: one try of one request. */
export interface RequestContext extends TableContext {
  /** `insert`, `update`, `append` (each also as `…_static`), `delete`, or `select` of a source. */
  readonly operation: string
  /** Rows in the request. For a source, rows in its page: 0 until the page has arrived. */
  readonly rows: number
  /** Encoded bytes of these rows. */
  readonly bytes: number
  /** The consistency level, as the option spells it. */
  readonly consistency: string
  /** Tries of these rows, or of this page, that failed before. */
  readonly retries: number
  /** Why it failed, in the words of the driver or the server, and with their `code` if there is one. */
  error?: unknown
}

/** Payload of `cassandra-streams:epoch`: an epoch from its seal to its commit. */
export interface EpochContext extends TableContext {
  /** Id of the epoch. */
  readonly epoch_id: number
  /** Rows of the epoch, including those set aside. */
  readonly rows: number
  /** Whether an earlier try of the epoch was sealed and not committed. */
  readonly replayed: boolean
  /** Why it failed. */
  error?: unknown
}

/** Message of `cassandra-streams:retry`: rows are sent again, or a page is asked for again, after a fault. */
export interface RetryMessage extends TableContext {
  /** Rows that are sent again. For a page, the most rows that it may have. */
  readonly rows: number
  /** Tries that failed so far. */
  readonly tries: number
  /** Milliseconds until the next try, if a permit is free then. */
  readonly wait_ms: number
  /** The fault in the words of the driver or the server. */
  readonly reason: string
}

/** Message of `cassandra-streams:bad-row`: a row was set aside. */
export interface BadRowMessage extends TableContext {
  /** Position of the row in the stream, from 0. */
  readonly row_index: number
  /** Code of the error. */
  readonly code: string
  /** Column with the bad value, if the error names one. */
  readonly column: string | undefined
  /** Text of the error. */
  readonly message: string
}

/** Message of `cassandra-streams:window`: the number of requests that may be in flight to a cluster has changed. */
export interface WindowMessage {
  /** Maximum number of requests that may be in flight. */
  readonly limit: number
}

/** Message of `cassandra-streams:acknowledged`: once per flush, and when no row is pending, then once per 10 ms at most. */
export interface AcknowledgedMessage extends TableContext {
  /** This row, and all before it, are stored or set aside. */
  readonly row_index: number
}

/** What is used of a channel. */
interface Channel<Message> {
  readonly hasSubscribers: boolean
  publish(message: Message): void
}

/** The five channels of an operation, as Node's TracingChannel has them. */
interface Traced<Context> {
  readonly start: Channel<Context>
  readonly end: Channel<Context>
  readonly asyncStart: Channel<Context>
  readonly asyncEnd: Channel<Context>
  readonly error: Channel<Context>
}

/** Every channel. Each has a fixed name. No message is made while nobody subscribes. */
export const channels = {
  open: traced<OpenContext>('open'),
  request: traced<RequestContext>('request'),
  epoch: traced<EpochContext>('epoch'),
  retry: plain<RetryMessage>('cassandra-streams:retry'),
  badRow: plain<BadRowMessage>('cassandra-streams:bad-row'),
  window: plain<WindowMessage>('cassandra-streams:window'),
  acknowledged: plain<AcknowledgedMessage>('cassandra-streams:acknowledged'),
}

function plain<Message>(name: string): Channel<Message> {
  return diagnostics.channel(name) as Channel<Message>
}

/** Named like the parts of Node's TracingChannel, which not every runtime has. */
function traced<Context>(name: string): Traced<Context> {
  const part = (event: string) => plain<Context>(`tracing:cassandra-streams:${name}:${event}`)
  return {
    start: part('start'),
    end: part('end'),
    asyncStart: part('asyncStart'),
    asyncEnd: part('asyncEnd'),
    error: part('error'),
  }
}

/** Whether anybody subscribes to an operation. */
export function isTraced({ start, end, asyncStart, asyncEnd, error }: Traced<never>): boolean {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}

/**
 * Publishes the start of an operation.
 * @returns a function that publishes its end, and its error if there is one
 */
export function begin<Context extends { error?: unknown }>(
  channel: Traced<Context>,
  context: Context,
): (error: unknown) => void {
  channel.start.publish(context)
  channel.end.publish(context)
  return error => {
    if (error !== undefined) {
      context.error = error
      channel.error.publish(context)
    }
    channel.asyncStart.publish(context)
    channel.asyncEnd.publish(context)
  }
}

/** Publishes the start and the end of an operation, if anybody subscribes. */
export async function traceEach<Context extends { error?: unknown }, Result>(
  channel: Traced<Context>,
  context: () => Context,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!isTraced(channel as Traced<never>)) return work()
  const done = begin(channel, context())
  try {
    const result = await work()
    done(undefined)
    return result
  } catch (error) {
    done(error)
    throw error
  }
}
