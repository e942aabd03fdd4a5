import { createHash, type Hash } from 'node:crypto'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { CqlType } from '../table/cqlType.ts'
import type { Statement } from '../table/statement.ts'
import type { Target } from '../table/target.ts'
import { hasUdt } from '../table/udt.ts'
import { UNSET_LENGTH } from '../value/bind.ts'
import { withoutNewFields } from './udtFields.ts'

/** Rows with one fingerprint together, so that a replay can say where it differs. */
export const BLOCK_ROWS = 256

const SLAB_BYTES = 64 * 1024
const LENGTH_BYTES = 4
const HEAD_BYTES = 8 + LENGTH_BYTES
const SMALL_BYTES = 64

/** One of the values that a statement binds for a row. */
interface Bind {
  /** Tells it from others: 8 bytes in two parts. */
  readonly high: number
  readonly low: number
  /** Where the type of the column may get more fields. */
  readonly type?: CqlType
}

const NO_BYTES = Buffer.alloc(0)

const NO_BIND: Bind = { high: 0, low: 0 }

/**
 * What rows are, whenever they are written: the operation, and each value with its column. The write time has no part
 * in it unless it is the row's own. Columns count by name, so one that is added to the table changes nothing; nor do a
 * field that is added to a user-defined type, and the time to live of rows that name none.
 */
export class Fingerprint {
  readonly #hashesTimestamps: boolean
  readonly #blockRows: number
  readonly #tableTtl: number | undefined
  readonly #binds = new Map<Statement, readonly Bind[]>()
  /** Many small values go to the hash at once: a call costs more than the bytes. */
  readonly #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  readonly #view = new DataView(this.#slab.buffer)
  /** The slab of the row before, which is mostly that of the next. */
  #source: Buffer = NO_BYTES
  #sourceView = new DataView<ArrayBufferLike>(NO_BYTES.buffer)
  #at = 0
  #hash: Hash | undefined
  #rows = 0
  readonly #blocks: string[] = []

  /**
   * @param hashesTimestamps whether rows bring their own write time
   * @param tableTtl seconds to live of rows that name none; undefined where an older release made the fingerprint,
   * which took every byte as it was
   */
  constructor(hashesTimestamps: boolean, blockRows: number, tableTtl: number | undefined) {
    this.#hashesTimestamps = hashesTimestamps
    this.#blockRows = blockRows
    this.#tableTtl = tableTtl
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
    // Said, though not bound.
    if (statement.ttl === 'forever' && !this.#isTableTtl(0)) this.#int(TTL, 0)
    if (++this.#rows % this.#blockRows === 0) this.#closeBlock()
  }

  /** A row that is set aside has its place, and nothing else: it may be of any kind. */
  addSetAside(): void {
    this.#head(SET_ASIDE, 0)
    if (++this.#rows % this.#blockRows === 0) this.#closeBlock()
  }

  /** One for each block; the last may be of fewer rows. Called once, after the last row. */
  blocks(): readonly string[] {
    if (this.#rows % this.#blockRows !== 0) this.#closeBlock()
    return this.#blocks
  }

  #isTableTtl(ttl: number): boolean {
    // An older release bound none where the table had none.
    return ttl === (this.#tableTtl ?? 0)
  }

  /** What is bound, in its order; the last is the operation. */
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

  /** As {@link #copy} from the row's slab: four bytes at a time cost less than a call, up to so many. */
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
