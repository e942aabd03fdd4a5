import { createHash, type Hash } from 'node:crypto'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { CqlType } from '../table/cqlType.ts'
import type { Statement } from '../table/statement.ts'
import type { Target } from '../table/target.ts'
import { hasUdt } from '../table/udt.ts'
import { UNSET_LENGTH } from '../value/bind.ts'
import { withoutNewFields } from './udtFields.ts'

/** Rows per fingerprint. A replay that differs can then say in which of these blocks. */
export const BLOCK_ROWS = 256

const SLAB_BYTES = 64 * 1024
const LENGTH_BYTES = 4
const HEAD_BYTES = 8 + LENGTH_BYTES
const SMALL_BYTES = 64

/** Identifies a value that a statement binds, by its column for example. */
interface Bind {
  /** The first 8 bytes of a hash of the names, in two parts. */
  readonly high: number
  readonly low: number
  /** Present if the column's type contains a user-defined type, which may get more fields. */
  readonly type?: CqlType
}

const NO_BYTES = Buffer.alloc(0)

const NO_BIND: Bind = { high: 0, low: 0 }

/**
 * Hashes what a row says: its operation, and each value with the name of its column. A write time is included only if the row
 * has its own. So a replay has the same fingerprints even if a column was added to the table or a field to a user-defined type,
 * or if the table's default time to live has changed.
 */
export class Fingerprint {
  readonly #hashesTimestamps: boolean
  readonly #blockRows: number
  #tableTtl: number | undefined
  readonly #binds = new Map<Statement, readonly Bind[]>()
  /** Collects small values, because a call to the hash costs more than the copy. */
  readonly #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  readonly #view = new DataView(this.#slab.buffer)
  /** The slab of the last row. The next row is mostly in the same slab. */
  #source: Buffer = NO_BYTES
  #sourceView = new DataView<ArrayBufferLike>(NO_BYTES.buffer)
  #at = 0
  #hash: Hash | undefined
  #rows = 0
  readonly #blocks: string[] = []

  /**
   * @param hashesTimestamps whether rows have their own write time
   * @param tableTtl the table's default time to live in seconds; undefined to repeat fingerprints of an older release, which
   * hashed every byte
   */
  constructor(hashesTimestamps: boolean, blockRows: number, tableTtl: number | undefined) {
    this.#hashesTimestamps = hashesTimestamps
    this.#blockRows = blockRows
    this.#tableTtl = tableTtl
  }

  /** Only before the first row. */
  setTableTtl(seconds: number | undefined): void {
    this.#tableTtl = seconds
  }

  add({ statement, slab, start, end }: EncodedRow): void {
    let binds = this.#binds.get(statement)
    if (binds === undefined) {
      binds = this.#bindsOf(statement)
      this.#binds.set(statement, binds)
    }
    this.#head(binds[statement.binds] as Bind, 0)
    if (slab !== this.#source) this.#read(slab)
    for (let i = 0, at = start; at < end; i++) {
      const bind = binds[i] as Bind
      const length = this.#sourceView.getInt32(at)
      const from = at + LENGTH_BYTES
      at = from + Math.max(length, 0)
      if (bind === NO_BIND || length === UNSET_LENGTH) continue
      if (i === statement.ttlIndex && this.#isTableTtl(this.#sourceView.getInt32(from))) continue
      if (bind.type === undefined || length <= 0) {
        this.#head(bind, length)
        if (length > SMALL_BYTES) this.#copy(slab, from, at)
        else if (length > 0) this.#copySmall(from, at)
      } else {
        const value = withoutNewFields(slab.subarray(from, at), bind.type)
        this.#head(bind, value.length)
        this.#copy(value, 0, value.length)
      }
    }
    // A constant in the statement, not a bound value.
    if (statement.ttl === 'forever' && !this.#isTableTtl(0)) this.#int(TTL, 0)
    if (++this.#rows % this.#blockRows === 0) this.#closeBlock()
  }

  /** Only the place of a row that is set aside counts, because the row may be anything. */
  addSetAside(): void {
    this.#head(SET_ASIDE, 0)
    if (++this.#rows % this.#blockRows === 0) this.#closeBlock()
  }

  /** One fingerprint per block. The last block may have fewer rows. Called once, after the last row. */
  blocks(): readonly string[] {
    if (this.#rows % this.#blockRows !== 0) this.#closeBlock()
    return this.#blocks
  }

  #isTableTtl(ttl: number): boolean {
    // An older release bound no time to live if the table had none.
    return ttl === (this.#tableTtl ?? 0)
  }

  /** The values that are bound, in order. The last entry stands for the operation. */
  #bindsOf({ operation, columns, timestampIndex, ttlIndex, binds }: Statement): Bind[] {
    const found: Bind[] = []
    const rest = columns.map(column => this.#bindOfColumn(column))
    for (let i = 0; i < binds; i++) {
      if (i === timestampIndex) found.push(this.#hashesTimestamps ? bindOf('timestamp') : NO_BIND)
      else if (i === ttlIndex) found.push(TTL)
      else found.push(rest.shift() ?? NO_BIND)
    }
    found.push(bindOf('row', operation.name))
    return found
  }

  #bindOfColumn({ name, cql, type, field }: Target): Bind {
    const bind = field === undefined ? bindOf('column', name, cql) : bindOf('field', name, field, cql)
    return this.#tableTtl !== undefined && hasUdt(type) ? { ...bind, type } : bind
  }

  #read(slab: Buffer): void {
    this.#source = slab
    this.#sourceView = new DataView(slab.buffer, slab.byteOffset, slab.length)
  }

  #head({ high, low }: Bind, length: number): void {
    if (this.#at + HEAD_BYTES > SLAB_BYTES) this.#flush()
    const at = this.#at
    this.#view.setInt32(at, high)
    this.#view.setInt32(at + 4, low)
    this.#view.setInt32(at + 8, length)
    this.#at = at + HEAD_BYTES
  }

  #int(bind: Bind, value: number): void {
    this.#head(bind, 4)
    if (this.#at + 4 > SLAB_BYTES) this.#flush()
    this.#view.setInt32(this.#at, value)
    this.#at += 4
  }

  #copy(bytes: Buffer, from: number, to: number): void {
    const size = to - from
    if (this.#at + size > SLAB_BYTES) this.#flush()
    if (size > SLAB_BYTES) this.#hash?.update(bytes.subarray(from, to))
    else this.#at += bytes.copy(this.#slab, this.#at, from, to)
  }

  /** As {@link #copy} from the row's slab, for at most {@link SMALL_BYTES}: four bytes at a time are then faster than a call. */
  #copySmall(from: number, to: number): void {
    if (this.#at + to - from > SLAB_BYTES) this.#flush()
    let at = this.#at
    let next = from
    for (; next + 4 <= to; next += 4, at += 4) this.#view.setInt32(at, this.#sourceView.getInt32(next))
    for (; next < to; next++, at++) this.#view.setInt8(at, this.#sourceView.getInt8(next))
    this.#at = at
  }

  #flush(): void {
    this.#hash ??= createHash('sha256')
    this.#hash.update(this.#slab.subarray(0, this.#at))
    this.#at = 0
  }

  #closeBlock(): void {
    this.#flush()
    this.#blocks.push(this.#hash?.digest('base64url') ?? '')
    this.#hash = undefined
  }
}

const SET_ASIDE = bindOf('set aside')
const TTL = bindOf('ttl')

function bindOf(...names: string[]): Bind {
  const digest = createHash('sha256').update(JSON.stringify(names)).digest()
  return { high: digest.readInt32BE(0), low: digest.readInt32BE(4) }
}
