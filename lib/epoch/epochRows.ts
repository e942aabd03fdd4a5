import type { Seal } from '../checkpoint/epoch.ts'
import type { Json } from '../json.ts'
import { age, byteLengthOf, type EncodedRow, stamp, timestampsOf } from '../row/encodedRow.ts'
import { BLOCK_ROWS, Fingerprint } from './fingerprint.ts'

/** The rows of one epoch as bytes, in the order of arrival. */
export class EpochRows {
  rows: EncodedRow[] = []
  /** Rows that came, those set aside included. */
  count = 0
  /** Which rows of the epoch are set aside, by their place in it. */
  readonly set_aside: number[] = []
  /** The source's place after the last row. */
  position: Json | undefined
  bytes = 0
  /** Microseconds that the rows take up in the order. */
  timestamps = 0
  /** Index of the last row in the order of arrival. */
  lastIndex = -1
  /** Some row would double a list if it were written twice with one timestamp. */
  appends = false
  /** Rows of each block that has a fingerprint. */
  readonly block_rows: number
  /** As in {@link Seal}. */
  readonly table_ttl: number | undefined
  readonly #fingerprint: Fingerprint
  #blocks: readonly string[] | undefined

  /**
   * @param haveTimestamps whether rows bring their own write time
   * @param table_ttl as in {@link Seal}
   * @param block_rows for a replay that of the seal, which an older release may have made
   */
  constructor(haveTimestamps: boolean, table_ttl: number | undefined, block_rows = BLOCK_ROWS) {
    this.block_rows = block_rows
    this.table_ttl = table_ttl
    this.#fingerprint = new Fingerprint(haveTimestamps, block_rows, table_ttl)
  }

  addSetAside(row_index: number | undefined, position: Json | undefined): void {
    this.lastIndex = row_index ?? this.lastIndex + 1
    this.set_aside.push(this.count++)
    this.#fingerprint.addSetAside()
    if (position !== undefined) this.position = position
  }

  add(row: EncodedRow, position: Json | undefined): void {
    this.rows.push(row)
    this.count++
    this.lastIndex = row.index
    this.#fingerprint.add(row)
    this.bytes += byteLengthOf(row)
    this.timestamps += timestampsOf(row)
    if (row.appends) this.appends = true
    if (position !== undefined) this.position = position
  }

  /** The fingerprints of all rows; none is added after this was asked for. */
  get blocks(): readonly string[] {
    this.#blocks ??= this.#fingerprint.blocks()
    return this.#blocks
  }

  /**
   * Each row with its write time, which is the same whenever the same rows start at the same microsecond. One by one,
   * since so many rows do not stay in the caches of a processor.
   */
  *stampedFrom(first: number): Generator<EncodedRow, void, undefined> {
    let timestamp = first
    for (const row of this.rows) {
      stamp(row, timestamp)
      timestamp += timestampsOf(row)
      yield row
    }
  }

  /** Keeps nothing of the rows but what they are: they have left. */
  release(): void {
    this.rows = []
  }

  /** Takes the seconds that have passed since the epoch was first written off what its rows have to live. */
  age(seconds: number): void {
    for (const row of this.rows) age(row, seconds)
  }
}
