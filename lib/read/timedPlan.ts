import { ReadError } from '../errors.ts'
import type { TimeNames } from '../options/readSettings.ts'
import type { Column } from '../table/schema.ts'
import type { Decoder } from '../value/compiledType.ts'
import { decoderFor, setOwn } from '../value/decoder.ts'
import { LENGTH_BYTES } from './cells.ts'
import { isKey } from './cellTimes.ts'
import { placeAt, setPlace } from './place.ts'
import type { PlainRow } from './rowPlan.ts'
import { type AddCells, addCellsOf, type Span } from './timedCells.ts'
import { type Part, TimedParts } from './timedParts.ts'

/** The values after the columns of an answer. */
interface AnswerTimes {
  /** Properties of a part. */
  readonly names: TimeNames
  /** Number of values after those of the columns. */
  readonly extras: number
  /** Number of the first values that are the row's place. The write times follow. */
  readonly places: number
}

/** How to read the rows of an answer in parts, one per write time and time to live of their cells. */
export class TimedPlan {
  readonly #table: string
  readonly #names: TimeNames
  readonly #keys: readonly { readonly name: string; readonly decode: Decoder }[]
  readonly #cells: readonly { readonly isStatic: boolean; readonly addTo: AddCells }[]
  readonly #hasStatics: boolean
  readonly #partitionKeys: number
  readonly #timesFrom: number
  /** See {@link AnswerTimes}. */
  readonly #places: number
  readonly #values: readonly Span[]
  /** Bytes of the partition key of the previous row. */
  #partition: Buffer | undefined

  /** @param columns of the answer: the key first, in its order */
  constructor(table: string, columns: readonly Column[], { names, extras, places }: AnswerTimes) {
    const keys = columns.filter(isKey)
    this.#table = table
    this.#names = names
    this.#keys = keys.map(({ name, type }) => ({ name, decode: decoderFor(type) }))
    this.#cells = columns
      .slice(keys.length)
      .map(column => ({ isStatic: column.kind === 'static', addTo: addCellsOf(column) }))
    this.#hasStatics = this.#cells.some(({ isStatic }) => isStatic)
    this.#partitionKeys = keys.filter(({ kind }) => kind === 'partition_key').length
    this.#timesFrom = columns.length + places
    this.#places = places
    this.#values = Array.from({ length: columns.length + extras }, () => ({ from: 0, to: 0, isNull: true }))
  }

  /**
   * The parts of some rows of a page, from an offset. The parts of a row are consecutive, oldest first.
   * @returns the offset of the next row
   * @throws BytesDiffer or a RangeError when the bytes are not values of these columns
   */
  decode(bytes: Buffer, from: number, count: number, rows: PlainRow[]): number {
    let at = from
    for (let i = 0; i < count; i++) {
      for (const value of this.#values) {
        const size = bytes.readInt32BE(at)
        value.from = at + LENGTH_BYTES
        value.to = value.from + Math.max(0, size)
        value.isNull = size < 0
        at = value.to
      }
      if (at > bytes.length) throw new RangeError('A page ends before its last row')
      const first = rows.length
      this.#addParts(bytes, rows)
      if (this.#places > 0) this.#setPlaces(bytes, rows, first)
    }
    return at
  }

  /** @throws ReadError if the driver has decoded the rows, because it misreads lists of times that have nulls */
  plain(): PlainRow[] {
    const text =
      `${this.#table} cannot be read with \`with_times\`, because this copy of cassandra-driver does not give pages as ` +
      'bytes. Use the version of the driver that this package requires, with unchanged methods'
    throw new ReadError('ERR_CASSANDRA_READ', text)
  }

  #addParts(bytes: Buffer, rows: PlainRow[]): void {
    // A partition that has static columns only comes as a row without clustering key.
    const keys = this.#partitionKeys
    const isRow = keys === this.#keys.length || !this.#valueAt(keys).isNull
    const isFirst = this.#hasStatics && this.#isNewPartition(bytes)
    const ofStatics = new TimedParts()
    const ofRow = new TimedParts()
    for (const [i, { isStatic, addTo }] of this.#cells.entries()) {
      const value = this.#valueAt(this.#keys.length + i)
      if (value.isNull || !(isStatic ? isFirst : isRow)) continue
      const writeTime = this.#valueAt(this.#timesFrom + 2 * i)
      const ttl = this.#valueAt(this.#timesFrom + 2 * i + 1)
      addTo(isStatic ? ofStatics : ofRow, bytes, { value, writeTime, ttl })
    }
    for (const part of ofStatics.sorted()) {
      rows.push(this.#rowOf(part, operationOf(part), this.#partitionKeys, bytes))
    }
    if (!isRow) return
    for (const [i, part] of ofRow.withMarker().entries()) {
      rows.push(this.#rowOf(part, i === 0 ? 'insert' : operationOf(part), this.#keys.length, bytes))
    }
  }

  #setPlaces(bytes: Buffer, rows: readonly PlainRow[], first: number): void {
    const from = this.#valueAt(this.#timesFrom - this.#places).from - LENGTH_BYTES
    const { to } = this.#valueAt(this.#timesFrom - 1)
    const { timestamp_column, operation_column } = this.#names
    const parts = rows
      .slice(first)
      .map(row => [row[timestamp_column], row[operation_column], ...Object.keys(row)].join('/'))
    for (const nth of parts.keys())
      setPlace(rows[first + nth] as PlainRow, placeAt(bytes, from, to, undefined, { nth, parts }))
  }

  #rowOf({ time, ttl, cells }: Part, operation: string, keys: number, bytes: Buffer): PlainRow {
    const row: PlainRow = {}
    for (const [i, { name, decode }] of this.#keys.slice(0, keys).entries()) {
      const { from, to } = this.#valueAt(i)
      setOwn(row, name, decode(bytes, from, to))
    }
    for (const { name, value } of cells) setOwn(row, name, value)
    const { timestamp_column, ttl_column, operation_column } = this.#names
    setOwn(row, timestamp_column, time)
    setOwn(row, ttl_column, ttl)
    setOwn(row, operation_column, operation)
    return row
  }

  /** Static columns belong to a partition, so they come with its first row. */
  #isNewPartition(bytes: Buffer): boolean {
    const key = bytes.subarray(
      this.#valueAt(0).from - LENGTH_BYTES,
      this.#valueAt(this.#partitionKeys - 1).to,
    )
    if (this.#partition?.equals(key) === true) return false
    this.#partition = Buffer.from(key)
    return true
  }

  #valueAt(index: number): Span {
    return this.#values[index] as Span
  }
}

function operationOf({ isOfElements }: Part): string {
  return isOfElements ? 'append' : 'update'
}
