import type { types } from 'cassandra-driver'
import { ReadError } from '../errors.ts'
import type { ValueForm } from '../options/readSettings.ts'
import type { CqlType } from '../table/cqlType.ts'
import type { Column } from '../table/schema.ts'
import { Bytes } from '../value/bytes.ts'
import type { Decoder } from '../value/compiledType.ts'
import { columnDecoderFor, setOwn } from '../value/decoder.ts'
import { type Encoder, encoderFor } from '../value/encoder.ts'
import { endOf, LENGTH_BYTES, lengthAt } from './cells.ts'
import { encodeDecoded } from './decodedByDriver.ts'
import { type Place, placeAt, type Span, setPlace } from './place.ts'
import type { SpanFilter } from './spanFilter.ts'
import type { Layout } from './statement.ts'

/** A row as plain JavaScript: one property per column. */
export type PlainRow = Record<string, unknown>

const NO_BYTES =
  'This version of cassandra-driver does not let a page be read as bytes, which positions of rows need. Use 4.9.0 or the newest one'

/** The values after the columns of a row, each preceded by its length. */
export interface Extras {
  readonly count: number
  /** Number of the first values that are the row's place. */
  readonly places: number
  /** The filter of a following reader. */
  readonly filter: SpanFilter | undefined
  readonly span: Span | undefined
}

const NO_EXTRAS: Extras = { count: 0, places: 0, filter: undefined, span: undefined }

/** How to read the rows of an answer. Compiled once per table. */
export class RowPlan {
  readonly #layout: Layout
  /** Columns of a row. */
  readonly #columns: readonly Column[]
  readonly #names: readonly string[]
  /** Undefined for a column that is left out. */
  readonly #decoders: readonly (Decoder | undefined)[]
  /** Whether an empty value is null, per column. */
  readonly #isNullWhenEmpty: readonly boolean[]
  /** Each row starts as a copy of it, with room for all columns. Names that every object inherits become its own. */
  readonly #empty: PlainRow
  readonly #extras: Extras
  /** Index of a column that is null in rows with static columns only. -1 if there is none. */
  readonly #clustering: number
  readonly #hasStatics: boolean
  #encoders: readonly (Encoder | undefined)[] | undefined

  /**
   * @param columns of a row, in the order of its properties
   * @param extras values of the answer after its columns
   * @param form form of the values
   * @param layout columns of the answer
   */
  constructor(
    columns: readonly Column[],
    extras = NO_EXTRAS,
    form: ValueForm = 'plain',
    layout: Layout = columns,
  ) {
    this.#extras = extras
    this.#columns = columns
    this.#layout = layout
    this.#names = layout.map(column => column?.name ?? '')
    const empty: PlainRow = {}
    for (const { name } of columns) setOwn(empty, name, null)
    this.#empty = empty
    const decoders = layout.map(column => column && columnDecoderFor(column.type, form))
    this.#decoders = decoders.map(decoder => decoder?.decode)
    this.#isNullWhenEmpty = decoders.map(decoder => decoder?.isNullWhenEmpty === true)
    this.#clustering = layout.findIndex(column => column?.kind === 'clustering')
    this.#hasStatics = columns.some(({ kind }) => kind === 'static')
  }

  /**
   * Some rows of a page, from an offset.
   * @returns the offset of the next row
   * @throws BytesDiffer or a RangeError when the bytes are not values of these columns
   */
  decode(bytes: Buffer, from: number, count: number, rows: PlainRow[]): number {
    const names = this.#names
    const decoders = this.#decoders
    const isNullWhenEmpty = this.#isNullWhenEmpty
    const empty = this.#empty
    const extras = this.#extras
    const { count: extraCount } = extras
    let at = from
    for (let i = 0; i < count; i++) {
      if (extras.filter !== undefined && !this.#isWanted(bytes, at)) {
        at = endOf(bytes, at, names.length + extraCount)
        continue
      }
      const start = at
      const row = { ...empty }
      for (let column = 0; column < names.length; column++) {
        const size = lengthAt(bytes, at)
        at += LENGTH_BYTES
        if (size < 0) continue
        const decode = decoders[column]
        if (decode !== undefined && (size > 0 || isNullWhenEmpty[column] === false))
          row[names[column] as string] = decode(bytes, at, at + size)
        at += size
      }
      const isOfStatics = this.#mayBeOfStatics(row) && this.#hasNoKey(bytes, start)
      if (isOfStatics && !this.#hasStatics) {
        at = endOf(bytes, at, extraCount)
        continue
      }
      const found = isOfStatics ? this.#withoutNulls(row) : row
      if (extraCount > 0) {
        if (extras.places > 0) setPlace(found, this.#placeAt(bytes, at))
        at = endOf(bytes, at, extraCount)
      }
      rows.push(found)
    }
    if (at > bytes.length) throw new RangeError('A page ends before its last row')
    return at
  }

  #placeAt(bytes: Buffer, at: number): Place {
    const { places, span } = this.#extras
    return placeAt(bytes, at, endOf(bytes, at, places), span)
  }

  #isWanted(bytes: Buffer, from: number): boolean {
    const { filter, span, places } = this.#extras
    if (filter === undefined || span === undefined) return true
    return filter.holds(bytes, endOf(bytes, from, this.#names.length + places), span)
  }

  /** Converts rows that the driver has decoded, by encoding them as a sink would. */
  plain(rows: readonly types.Row[]): PlainRow[] {
    // Places and filters need the server's bytes, which the driver has dropped.
    if (this.#extras.count > 0) throw new ReadError('ERR_CASSANDRA_READ', NO_BYTES)
    return rows.flatMap(given => {
      const row = this.#plain(given)
      if (!this.#mayBeOfStatics(row)) return [row]
      return this.#hasStatics ? [this.#withoutNulls(row)] : []
    })
  }

  /** A partition that has static columns only comes as a row without clustering key, also if no static column is read. */
  #mayBeOfStatics(row: PlainRow): boolean {
    return this.#clustering >= 0 && row[this.#names[this.#clustering] as string] === null
  }

  /** Whether the clustering key is absent. A key of no bytes is present, but also reads as null. */
  #hasNoKey(bytes: Buffer, start: number): boolean {
    return bytes.readInt32BE(endOf(bytes, start, this.#clustering)) < 0
  }

  /** Keeps only the columns that such a row has. To a sink, null in another column would be a value. */
  #withoutNulls(row: PlainRow): PlainRow {
    const found: PlainRow = {}
    for (const { name, kind } of this.#columns) {
      if (kind === 'partition_key' || kind === 'static') setOwn(found, name, row[name])
    }
    return found
  }

  #bytesOf(column: number, value: unknown): ReturnType<Bytes['close']> {
    this.#encoders ??= this.#layout.map(
      column => column && encoderFor(isCounter(column.type) ? bigint : column.type),
    )
    const out = new Bytes(Number.POSITIVE_INFINITY)
    out.begin()
    const { [column]: encode } = this.#encoders
    if (encode !== undefined) encodeDecoded(this.#layout[column] as Column, encode, value, out)
    return out.close()
  }

  #plain(given: types.Row): PlainRow {
    const row: PlainRow = { ...this.#empty }
    for (const [i, column] of this.#layout.entries()) {
      const value: unknown = given.get(i)
      if (column !== undefined && value !== null && value !== undefined) {
        const { name, type } = column
        const decode = this.#decoders[i] as Decoder
        if (type.kind === 'unsupported' && !isCounter(type)) {
          setOwn(row, name, Buffer.isBuffer(value) ? decode(value, 0, value.length) : value)
          continue
        }
        const { slab, start, end } = this.#bytesOf(i, value)
        setOwn(
          row,
          name,
          start === end && this.#isNullWhenEmpty[i] === true ? null : decode(slab, start, end),
        )
      }
    }
    return row
  }
}

const bigint: CqlType = { kind: 'scalar', name: 'bigint' }

function isCounter(type: CqlType): boolean {
  return type.kind === 'unsupported' && type.text === 'counter'
}
