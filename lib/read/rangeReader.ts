import { setTimeout as delay } from 'node:timers/promises'
import type { Client, QueryOptions, types } from 'cassandra-driver'
import { backoff } from '../cluster/backoff.ts'
import { consistencyOf } from '../cluster/consistency.ts'
import { publicError, wordsOf } from '../cluster/failure.ts'
import { type Fault, faultOf, isTimeout, moreTelling } from '../cluster/fault.ts'
import { pauses } from '../cluster/pauses.ts'
import { Replicas } from '../cluster/replicas.ts'
import { begin, channels, isTraced } from '../diagnostics.ts'
import { ReadError, SchemaError } from '../errors.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { AGREEMENT_MS } from '../table/readTable.ts'
import { BusyTime } from './busyTime.ts'
import { lastTokenOf } from './lastToken.ts'
import { type Page, type PageQuery, PageReader } from './pageReader.ts'
import { fewerRows, PageRowLimit } from './pageRowLimit.ts'
import { encodeParams } from './params.ts'
import { cutAt, halvesOf, type Part, placeOf, widthOf } from './part.ts'
import type { Span } from './place.ts'
import type { ReadStatement } from './statement.ts'
import type { TokenRange } from './tokenRanges.ts'

/** With fewer milliseconds left, another attempt is pointless. */
const LEAST_MS = 20

/** Attempts for a page that a server fails to read, and least number of them for a statement that a node may not know yet. */
const FEW_TRIES = 5

/** Transient faults, after which a page is requested again. */
const passing: ReadonlySet<Fault> = new Set(['retry', 'slow', 'unavailable', 'schema', 'failure'])

/** Whether a fault is worth another attempt. */
export function mayPass(fault: Fault): boolean {
  return passing.has(fault)
}

/** Reads the pages of ranges, each again until it arrives. */
export class RangeReader {
  readonly #client: Client
  readonly #settings: ReadSettings
  readonly #statement: ReadStatement
  readonly #pages: PageReader
  readonly #signal: AbortSignal
  readonly #consistency: types.consistencies
  readonly #replicas: Replicas
  readonly #busy = new BusyTime()
  readonly #limit: PageRowLimit

  constructor(client: Client, settings: ReadSettings, statement: ReadStatement, signal: AbortSignal) {
    this.#client = client
    this.#settings = settings
    this.#statement = statement
    this.#pages = new PageReader(client)
    this.#signal = signal
    this.#consistency = consistencyOf(settings.consistency)
    this.#replicas = new Replicas(client, settings)
    this.#limit = new PageRowLimit(settings.fetch_size)
  }

  /**
   * The pages of a range. Without a range, the pages of the partitions that the statement names. A range whose first page takes
   * too long, or cannot be read, is read in halves. If a later page cannot be read, the same applies to the range behind the
   * partition of the last row.
   * @param span of a following reader
   * @param onHalved called with the width of the halves
   * @throws ReadError, OptionError, SchemaError
   */
  async *pages(
    range: TokenRange | undefined,
    span?: Span,
    onHalved?: (width: bigint) => void,
  ): AsyncGenerator<Page, void, undefined> {
    const later: Part[] = []
    let part: Part | undefined = { range, halvings: 0 }
    /** The last page of the part, if more pages follow. */
    let last: Page | undefined
    // The parts of a range share its time until a page of one arrives.
    let ends = this.#endOfTries
    while (part !== undefined) {
      const asked: Part = part
      const page = await pauses.during(() => this.#page(asked, span, last, ends))
      if (!('rows' in page)) {
        const [first, second] = page
        if (last === undefined) onHalved?.(widthOf(first))
        later.push(second)
        // The server takes the state of a page for a range that ends earlier.
        part = first
        continue
      }
      yield page
      ends = this.#endOfTries
      last = page.next === undefined ? undefined : page
      if (last === undefined) part = later.pop()
    }
  }

  /** Milliseconds so far in which at least one page was requested. A consumer that holds the reader up does not count. */
  get busy_ms(): number {
    return this.#busy.total_ms
  }

  /** Rows that the next page may have. */
  get rows(): number {
    return this.#limit.rows
  }

  /** Frees the memory for pages. */
  close(): void {
    this.#pages.close()
  }

  get #endOfTries(): number {
    return pauses.now() + this.#settings.retry_timeout_ms
  }

  /**
   * A page, or two parts of a part that asks for too much.
   * @param last the page before, after which the first of the two parts continues
   * @param ends when the last attempt must be over, on the clock of {@link pauses}
   */
  async #page(
    part: Part,
    span: Span | undefined,
    last: Page | undefined,
    ends: number,
  ): Promise<Page | readonly [Part, Part]> {
    const { range } = part
    const { request_timeout_ms, retry_timeout_ms } = this.#settings
    // Without retries, only the limit of one request counts.
    const limit_ms = () =>
      retry_timeout_ms === 0
        ? request_timeout_ms
        : Math.min(request_timeout_ms, Math.max(LEAST_MS, ends - pauses.now()))
    let rows = this.rows
    let doubts = 0
    let failures = 0
    /** When nodes that disagree about the schema have had their time. */
    let agreeBy: number | undefined
    let reason: unknown
    for (let tries = 0; ; tries++) {
      this.#signal.throwIfAborted()
      const given_ms = limit_ms()
      try {
        const begun = pauses.now()
        const asked = this.#busy.during(this.#ask(range, span, last?.next, rows, given_ms))
        const page = await (isTraced(channels.request) ? this.#observed(asked, tries) : asked)
        this.#statement.layoutOf(page)
        this.#limit.learn(page)
        if (tries === 0) this.#limit.recover()
        if (failures > 0) this.#limit.mayHave(rows, failures)
        return { ...page, took_ms: pauses.now() - begun }
      } catch (error) {
        this.#signal.throwIfAborted()
        // A node may not know a new column yet.
        const fault = error instanceof SchemaError ? 'schema' : faultOf(error)
        if (fault === 'failure' || fault === 'schema') doubts++
        if (fault === 'schema') agreeBy ??= pauses.now() + AGREEMENT_MS
        const mayAgree = agreeBy !== undefined && pauses.now() < agreeBy
        if (!mayPass(fault) || (doubts >= FEW_TRIES && !mayAgree))
          throw this.#statement.explain(error, fault, placeOf(part))
        // Replicas that the keyspace lacks never come.
        const unmet = fault === 'unavailable' ? await this.#replicas.unmet(limit_ms()) : undefined
        if (unmet !== undefined) throw new ReadError('ERR_CASSANDRA_CONSISTENCY', unmet, { cause: error })
        reason = moreTelling(reason, error, given_ms < request_timeout_ms)
        const isLate = isTimeout(error)
        const left_ms = ends - pauses.now()
        if (left_ms < LEAST_MS) throw this.#over(reason, part, tries + 1)
        const hasFailed = fault === 'failure'
        if (hasFailed) failures++
        const parts = tries > 0 && (isLate || hasFailed) ? this.#partsOf(part, last, hasFailed) : undefined
        if (parts !== undefined) return parts
        if (isLate || fault === 'slow' || hasFailed) rows = fewerRows(rows)
        // Fewer rows do not help where deleted rows are in the way. So after a failure, only a page shows whether they do.
        if (isLate || fault === 'slow') this.#limit.mayHave(rows, 1)
        const wait_ms = Math.min(backoff(tries), left_ms / 2)
        this.#retries(rows, tries + 1, wait_ms, error)
        await delay(wait_ms, undefined, { signal: this.#signal })
      }
    }
  }

  /** Two parts that ask for less than a part. Undefined if a smaller page is all that may help. */
  #partsOf(part: Part, last: Page | undefined, hasFailed: boolean): readonly [Part, Part] | undefined {
    if (last === undefined) return halvesOf(part, hasFailed)
    const hash = (key: Buffer) => BigInt(String(this.#client.metadata.newToken(key)))
    return hasFailed ? cutAt(part, lastTokenOf(last, this.#statement, hash)) : undefined
  }

  #ask(
    range: TokenRange | undefined,
    span: Span | undefined,
    from: Buffer | undefined,
    rows: number,
    limit_ms: number,
  ): Promise<Page> {
    const { keyspace, params } = this.#settings
    const options: QueryOptions = {
      consistency: this.#consistency,
      keyspace,
      fetchSize: rows,
      ...(from !== undefined && { pageState: from }),
      ...(range !== undefined && { routingKey: this.#tokenOf(range) }),
    }
    const { cql, bounds } = this.#statement.of(range, span)
    const encode: PageQuery['encode'] = (given, bound) =>
      encodeParams(given, bound, this.#statement.allColumns)
    const query = { cql, params, bounds, encode, options }
    return this.#pages.read(query, limit_ms)
  }

  /** Publishes the start and the end of a request. */
  async #observed(asked: Promise<Page>, retries: number): Promise<Page> {
    const { keyspace, table, consistency } = this.#settings
    const context = { keyspace, table, operation: 'select', rows: 0, bytes: 0, consistency, retries }
    const done = begin(channels.request, context)
    try {
      const page = await asked
      context.rows = page.rows.length
      context.bytes = page.size
      done(undefined)
      return page
    } catch (error) {
      done(publicError(error))
      throw error
    }
  }

  #retries(rows: number, tries: number, wait_ms: number, error: unknown): void {
    if (!channels.retry.hasSubscribers) return
    const { keyspace, table } = this.#settings
    channels.retry.publish({ keyspace, table, rows, tries, wait_ms, reason: wordsOf(error) })
  }

  /** The routing key of a range. The driver takes a token too, which its types lack. */
  #tokenOf({ end }: TokenRange): Buffer {
    return this.#client.metadata.newToken(String(end)) as unknown as Buffer
  }

  #over(error: unknown, part: Part, tries: number): ReadError {
    const limit = `within \`retry_timeout_ms\` (${this.#settings.retry_timeout_ms} ms)`
    const text = `A page of ${this.#statement.table}${placeOf(part)} did not come ${limit} in ${tries === 1 ? '1 try' : `${tries} tries`}: ${wordsOf(error)}`
    return new ReadError('ERR_CASSANDRA_READ_TIMEOUT', text, { cause: error })
  }
}
