import type { Client, QueryOptions, types } from 'cassandra-driver'
import { within } from '../cluster/within.ts'
import type { BoundType } from '../table/preparations.ts'
import { readOptions } from '../table/readOptions.ts'
import { PageBuffers } from './pageBuffers.ts'
import { isKnownParser, type PageMark, type Parser, takeRawPages } from './pageParser.ts'
import type { RawPage, SizedPage } from './rawPage.ts'

/** A column as the driver reads it from an answer. */
export interface BoundColumn {
  readonly name: string
  readonly type: BoundType
}

/** One page of an answer. */
export interface Page {
  /** Bytes, or rows that the driver has decoded if its internals are not the known ones. */
  readonly rows: RawPage | readonly types.Row[]
  /** Bytes of the rows, with a small overhead. 0 if the driver has decoded them. */
  readonly size: number
  readonly columns: readonly BoundColumn[]
  /** The paging state of the next page. Undefined after the last one. */
  readonly next: Buffer | undefined
  /** Milliseconds of the request. */
  readonly took_ms?: number
}

/** A query for a page. */
export interface PageQuery {
  readonly cql: string
  readonly params: readonly unknown[]
  /** Bytes of values that follow the parameters. */
  readonly bounds: readonly Buffer[]
  /** Encodes the parameters by the types that the server reports. */
  readonly encode: (params: readonly unknown[], bound: readonly BoundColumn[]) => readonly unknown[]
  readonly options: QueryOptions
}

/** The used parts of the driver's own request, which its types lack. */
interface ExecuteRequest {
  params: readonly unknown[]
  readonly meta: { readonly columns: readonly BoundColumn[] }
  write(encoder: object, streamId: number): unknown
}

interface Internals {
  _createExecuteRequest(...query: unknown[]): Promise<ExecuteRequest>
}

/** One of the signatures of `execute`. */
type Execute = (cql: string, params: readonly unknown[], options: QueryOptions) => Promise<types.ResultSet>

interface Connection {
  readonly encoder: object
  readonly parser: Parser
}

/** Where the parameters stand among the arguments of `_createExecuteRequest`. */
const PARAMS_INDEX = 3

/**
 * Reads pages as bytes. The driver makes an object per row and passes it through two streams, which takes most of the client's
 * time. So a page's bytes are taken as they are, in the form of `doc/native_protocol_v4.spec`, 4.2.5.2. The driver has no public
 * way for it. A request marks only its own answer, so that a borrowed client reads everything else as before. If the driver's
 * internals are not the known ones, its decoded rows are taken.
 */
export class PageReader {
  readonly #own: Client
  readonly #execute: Execute
  readonly #queries = new WeakMap<object, PageQuery>()
  readonly #connections = new WeakMap<object, Parser>()
  readonly #buffers = new PageBuffers()

  constructor(client: Client) {
    const internals = client as unknown as Internals
    // The client may belong to the caller, so it stays unchanged.
    const own: Client & Internals = Object.create(client)
    own._createExecuteRequest = async (...given) => {
      const request = await internals._createExecuteRequest(...given)
      const query = this.#queries.get(given[PARAMS_INDEX] as object)
      if (query !== undefined && hasKnownForm(request)) this.#adapt(client, request, query)
      return request
    }
    this.#own = own
    this.#execute = executeOf(client)
  }

  /** @throws errors of the driver, or one of the same shape if there is no answer in time */
  async read(query: PageQuery, limit_ms: number): Promise<Page> {
    const params = [...query.params, ...query.bounds]
    this.#queries.set(params, query)
    const answer = await within(
      limit_ms,
      this.#execute.call(this.#own, query.cql, params, {
        ...readOptions(Math.ceil(limit_ms)),
        ...query.options,
        autoPage: false,
      }),
    )
    const { rows } = answer as unknown as { rows: Page['rows'] }
    const { columns, rawPageState } = answer as unknown as {
      columns: Page['columns']
      rawPageState?: Buffer
    }
    const size = 'size' in rows ? (rows as SizedPage).size : 0
    return { rows, size, columns: columns ?? [], next: rawPageState ?? undefined }
  }

  /** Frees the memory for pages. */
  close(): void {
    this.#buffers.close()
  }

  #adapt(client: Client, request: ExecuteRequest, { params, bounds, encode }: PageQuery): void {
    const { columns } = request.meta
    request.params = [...encode(params, columns.slice(0, columns.length - bounds.length)), ...bounds]
    const { write } = request
    request.write = (encoder, streamId) => {
      const frame = write.call(request, encoder, streamId)
      // A request that cannot be written is not sent, and its stream id goes to another request.
      const mark: PageMark = { pageBuffers: this.#buffers }
      this.#parserOf(client, encoder)?.setOptions(streamId, mark)
      return frame
    }
  }

  /** The parser of the connection that has this encoder. */
  #parserOf(client: Client, encoder: object): Parser | undefined {
    let parser = this.#connections.get(encoder)
    if (parser === undefined) {
      parser = findConnection(client, encoder)?.parser
      if (parser === undefined || !isKnownParser(parser)) return undefined
      takeRawPages(parser)
      this.#connections.set(encoder, parser)
    }
    return parser
  }
}

/**
 * The driver's own method, or the one that replaces it in this client. That of a subclass may use private fields, which an object
 * made from the client lacks.
 */
function executeOf(client: Client): Execute {
  if (Object.hasOwn(client, 'execute')) return client.execute
  for (let at: object | null = client; at !== null; at = Object.getPrototypeOf(at))
    if (Object.hasOwn(at, '_createExecuteRequest')) return (at as Client).execute
  return client.execute
}

function hasKnownForm({ write, meta, params }: ExecuteRequest): boolean {
  return typeof write === 'function' && Array.isArray(meta?.columns) && Array.isArray(params)
}

function findConnection(client: Client, encoder: object): Connection | undefined {
  for (const host of client.hosts.values()) {
    const { pool } = host as unknown as { readonly pool?: { readonly connections?: readonly Connection[] } }
    const found = pool?.connections?.find(connection => connection.encoder === encoder)
    if (found !== undefined) return found
  }
  return undefined
}
