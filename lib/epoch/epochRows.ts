import type { Seal } from '../checkpoint/epoch.ts'
import type { Json } from '../json.ts'
import { age, type EncodedRow, heldBytesOf, stamp, timestampsOf } from '../row/encodedRow.ts'
import { BLOCK_ROWS, Fingerprint } from './fingerprint.ts'

/** The encoded rows of one epoch, in the order of arrival. */
export class EpochRows {
  rows: EncodedRow[] = []
  /** Rows of the epoch, including those set aside. */
  count = 0
  /** Places in the epoch, from 0, of the rows that are set aside. */
  readonly set_aside: number[] = []
  /** Position of the source after the last row. */
  position: Json | undefined
  bytes = 0
  /** How many write timestamps, one per microsecond, the rows need. */
  timestamps = 0
  /** When the first row came, by the clock of the write times. No row is stamped with an earlier moment. */
  beganAt: number | undefined
  /** Index of the last row in the order of arrival. */
  lastIndex = -1
  /** Whether a row appends to a list. Writing it again with the same timestamp would append twice. */
  appends = false
  /** Rows per fingerprint. */
  readonly block_rows: number
  #table_ttl: number | undefined
  readonly #fingerprint: Fingerprint
  #blocks: readonly string[] | undefined

  /**
   * @param haveTimestamps whether rows have their own write time
   * @param table_ttl as in {@link Seal}
   * @param block_rows of the seal, for a replay: an older release may have used another number
   */
  constructor(haveTimestamps: boolean, table_ttl: number | undefined, block_rows = BLOCK_ROWS) {
    this.block_rows = block_rows
    this.#table_ttl = table_ttl
    this.#fingerprint = new Fingerprint(haveTimestamps, block_rows, table_ttl)
  }

  /** As in {@link Seal}. */
  get table_ttl(): number | undefined {
    return this.#table_ttl
  }

  /** Whether the row has the default time to live of the rows so far. The first row decides which one that is. */
  sharesTtl({ statement: { default_ttl } }: EncodedRow): boolean {
    if (default_ttl === this.#table_ttl) return true
    if (this.rows.length > 0) return false
    this.#table_ttl = default_ttl
    this.#fingerprint.setTableTtl(default_ttl)
    return true
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
    this.bytes += heldBytesOf(row)
    this.timestamps += timestampsOf(row)
    if (row.appends) this.appends = true
    if (position !== undefined) this.position = position
  }

  /** The fingerprints of all rows. No row may be added after the first read of this property. */
  get blocks(): readonly string[] {
    this.#blocks ??= this.#fingerprint.blocks()
    return this.#blocks
  }

  /**
   * Stamps each row with its write time, and yields it. The same rows with the same first timestamp always get the same write
   * times. Rows are stamped one by one, because all of them together do not fit into the processor's caches.
   */
  *stampedFrom(first: number): Generator<EncodedRow, void, undefined> {
    let timestamp = first
    for (const row of this.rows) {
      stamp(row, timestamp)
      timestamp += timestampsOf(row)
      yield row
    }
  }

  /** Frees the rows once they are sent. Counts, fingerprints and position stay. */
  release(): void {
    this.rows = []
  }

  /** Reduces the time to live of the rows by the seconds since the epoch was first sealed. */
  age(seconds: number): void {
    for (const row of this.rows) age(row, seconds)
  }
}
