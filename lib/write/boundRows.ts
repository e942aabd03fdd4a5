import type { Client, QueryOptions } from 'cassandra-driver'
import { type Settled, TimeLimits } from '../cluster/timeLimits.ts'
import { byteLengthOf, type EncodedRow, valuesOf } from '../row/encodedRow.ts'
import { type Preparation, Preparations, type TableWatch, TypesDiffer } from '../table/preparations.ts'

type Rows = readonly EncodedRow[]

/**
 * Executes a prepared statement with the values of all rows in sequence. Gives up after `limit_ms`, and then sends nothing
 * more.
 */
export type ExecuteRows = (
  cql: string,
  rows: Rows,
  options: QueryOptions,
  limit_ms: number,
  settled: Settled,
) => void

/** The used parts of the driver's own request, which its types lack. */
interface ExecuteRequest {
  params: readonly unknown[]
  readonly meta: Preparation
  readonly consistency: number
  writeQueryParameters(frame: FrameWriter, encoder: FrameEncoder): void
}

interface FrameWriter {
  add(bytes: Buffer): void
}

interface FrameEncoder {
  readonly protocolVersion: number
}

/** The client, with the used parts that its types lack. */
interface Internals {
  readonly execute: Client['execute']
  readonly options: { readonly requestTracker?: unknown }
  _createExecuteRequest(...query: unknown[]): Promise<ExecuteRequest>
}

/** Represents the values of these rows among the parameters of a request. */
class BoundRows {
  /** Private, so that printing the parameters does not print slabs. */
  readonly #rows: Rows
  readonly #preparations: Preparations
  readonly #signal: AbortSignal
  /** Nobody waits for the answer any more, so the rows may change. */
  isAbandoned = false

  constructor(rows: Rows, preparations: Preparations, signal: AbortSignal) {
    this.#rows = rows
    this.#preparations = preparations
    this.#signal = signal
  }

  get rows(): Rows {
    return this.#rows
  }

  /** @throws TypesDiffer; an Error if the request was abandoned while the driver waited. */
  check(preparation: Preparation): void {
    if (this.isAbandoned || this.#signal.aborted)
      throw new Error('The request was abandoned before it was sent')
    const [first] = this.#rows
    if (first !== undefined) this.#preparations.check(preparation, first.statement, this.#rows.length)
  }
}

/** Where the parameters stand among the arguments of `_createExecuteRequest`. */
const PARAMS_INDEX = 3

/** Request flag: values follow. */
const VALUES = 0x01

/** Bytes of consistency, flags and the number of values. */
const HEAD_BYTES = 2 + 1 + 2

/**
 * The driver makes two Buffers per bound value and then copies them. For rows that are bytes already, that would be most of
 * the client's time and garbage. So a request takes the rows' bytes as they are, in the form of `doc/native_protocol_v4.spec`,
 * 4.1.4. The driver has no public way for it. If its internal way is not the known one, or somebody tracks requests, values
 * are bound one by one.
 *
 * @param signal after it nothing is sent
 * @param table the table that rows are encoded for
 */
export function rowExecutor(client: Client, signal: AbortSignal, table: TableWatch): ExecuteRows {
  const preparations = new Preparations(table)
  const limits = new TimeLimits()
  const internals = client as unknown as Internals
  /** By their parameters: rows whose values are bound one by one, because somebody tracks requests. */
  const shown = new WeakMap<object, BoundRows>()
  let isKnown = true
  // The client may belong to the caller, so it stays unchanged.
  const own: Client & Internals = Object.create(client)
  own._createExecuteRequest = async (...query) => {
    const request = await internals._createExecuteRequest(...query)
    if (!hasKnownForm(request, query[PARAMS_INDEX])) throw new UnknownRequest()
    const bound = shown.get(query[PARAMS_INDEX] as object)
    request.writeQueryParameters =
      bound === undefined
        ? writeBoundRows
        : function (this: ExecuteRequest, frame, encoder) {
            bound.check(this.meta)
            Object.getPrototypeOf(this).writeQueryParameters.call(this, frame, encoder)
          }
    return request
  }
  const executePlain: ExecuteRows = (cql, rows, options, limit_ms, settled) =>
    limits.keep(limit_ms, client.execute(cql, rows.flatMap(valuesOf), options), settled)
  return (cql, rows, options, limit_ms, settled) => {
    if (!isKnown || !hasKnownMethods(internals)) {
      executePlain(cql, rows, options, limit_ms, settled)
      return
    }
    const bound = new BoundRows(rows, preparations, signal)
    const params = internals.options.requestTracker ? rows.flatMap(valuesOf) : [bound]
    if (internals.options.requestTracker) shown.set(params, bound)
    limits.keep(limit_ms, own.execute(cql, params, options), error => {
      if (error instanceof UnknownRequest) {
        isKnown = false
        executePlain(cql, rows, options, limit_ms, settled)
        return
      }
      if (error !== undefined) {
        bound.isAbandoned = true
        // The statement that the driver remembers may be older than the table. The next try prepares it again.
        if (error instanceof TypesDiffer) client.metadata.clearPrepared()
      }
      settled(error)
    })
  }
}

/** Thrown before anything is sent with a request of another form. */
class UnknownRequest extends Error {
  override readonly name = 'UnknownRequest'
}

/** Whether the driver's request has the form that {@link writeBoundRows} knows, in any version. */
function hasKnownForm(request: ExecuteRequest, params: unknown): boolean {
  const { writeQueryParameters, consistency, meta } = request
  return (
    typeof writeQueryParameters === 'function' &&
    writeQueryParameters.length >= 2 &&
    Object.getPrototypeOf(request).writeQueryParameters === writeQueryParameters &&
    request.params === params &&
    typeof consistency === 'number' &&
    Array.isArray(meta?.columns)
  )
}

/** Whether the client is a driver's, of any copy, and still has its own methods. */
function hasKnownMethods(client: Internals): boolean {
  let known = Object.getPrototypeOf(client) as Internals | null
  while (known !== null && !Object.hasOwn(known, '_createExecuteRequest'))
    known = Object.getPrototypeOf(known)
  return (
    known !== null &&
    client.execute === known.execute &&
    client._createExecuteRequest === known._createExecuteRequest
  )
}

/** Replaces a method of the driver's request. */
function writeBoundRows(this: ExecuteRequest, frame: FrameWriter, encoder: FrameEncoder): void {
  const [bound] = this.params
  if (bound instanceof BoundRows) {
    bound.check(this.meta)
    // Version 3 has no unset values, and the driver reports that.
    if (encoder.protocolVersion === 4) {
      frame.add(queryParameters(this.consistency, bound.rows))
      return
    }
    this.params = bound.rows.flatMap(valuesOf)
  }
  Object.getPrototypeOf(this).writeQueryParameters.call(this, frame, encoder)
}

function queryParameters(consistency: number, rows: Rows): Buffer {
  let size = HEAD_BYTES
  for (const row of rows) size += byteLengthOf(row)
  const bytes = Buffer.allocUnsafe(size)
  const values = rows.length * (rows[0]?.statement.binds ?? 0)
  bytes.writeUInt16BE(consistency, 0)
  bytes[2] = VALUES
  bytes.writeUInt16BE(values, 3)
  let at = HEAD_BYTES
  for (let i = 0; i < rows.length; ) {
    const { slab, start, end } = rows[i++] as EncodedRow
    // Consecutive rows are mostly adjacent in one slab.
    let to = end
    while (rows[i]?.slab === slab && rows[i]?.start === to) to = (rows[i++] as EncodedRow).end
    at += slab.copy(bytes, at, start, to)
  }
  return bytes
}
