import { createHash, type Hash } from 'node:crypto'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { CqlType } from '../table/cqlType.ts'
import type { Column } from '../table/schema.ts'
import type { Statement } from '../table/statement.ts'
import { hasUdt } from '../table/udt.ts'
import { UNSET_LENGTH } from '../value/bind.ts'
import { withoutNewFields } from './udtFields.ts'

/** Rows with one fingerprint together, so that a replay can say where it differs. */
export const BLOCK_ROWS = 256

const SLAB_BYTES = 64 * 1024
const HEAD_BYTES = 8 + 4
const NO_TAG = Buffer.alloc(0)

/** What is bound at one place of a statement. */
interface Place {
  readonly tag: Buffer
  /** Where the type of the column may get more fields. */
  readonly type?: CqlType
}

const NO_PLACE: Place = { tag: NO_TAG }

/**
 * What rows are, whenever they are written: the operation, and each value with its column. The write time has no part
 * in it unless it is the row's own. Columns count by name, so one that is added to the table changes nothing; nor do a
 * field that is added to a user-defined type, and the time to live of rows that name none.
 */
export class Fingerprint {
  readonly #hashesTimestamps: boolean
  readonly #blockRows: number
  readonly #tableTtl: number | undefined
  readonly #places = new Map<Statement, readonly Place[]>()
  /** Many small values go to the hash at once: a call costs more than the bytes. */
  readonly #slab = Buffer.allocUnsafe(SLAB_BYTES)
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
    let places = this.#places.get(statement)
    if (places === undefined) {
      places = this.#placesOf(statement)
      this.#places.set(statement, places)
    }
    this.#head((places[statement.binds] as Place).tag, 0)
    for (let i = 0, at = start; at < end; i++) {
      const { tag, type } = places[i] as Place
      const length = slab.readInt32BE(at)
      const from = at + 4
      at = from + Math.max(length, 0)
      if (tag === NO_TAG || length === UNSET_LENGTH) continue
      if (i === statement.ttlIndex && this.#isTableTtl(slab, from)) continue
      if (type === undefined || length <= 0) {
        this.#head(tag, length)
        if (length > 0) this.#bytes(slab, from, at)
      } else {
        const value = withoutNewFields(slab.subarray(from, at), type)
        this.#head(tag, value.length)
        this.#bytes(value, 0, value.length)
      }
    }
    if (++this.#rows % this.#blockRows === 0) this.#closeBlock()
  }

  /** One for each block; the last may be of fewer rows. Called once, after the last row. */
  blocks(): readonly string[] {
    if (this.#rows % this.#blockRows !== 0) this.#closeBlock()
    return this.#blocks
  }

  #isTableTtl(slab: Buffer, from: number): boolean {
    // An older release bound none where the table had none.
    return slab.readInt32BE(from) === (this.#tableTtl ?? 0)
  }

  /** What is bound, in its order; the last is the operation. */
  #placesOf({ operation, columns, timestampIndex, ttlIndex, binds }: Statement): Place[] {
    const places: Place[] = []
    const rest = columns.map(column => this.#placeOf(column))
    for (let i = 0; i < binds; i++) {
      if (i === timestampIndex) places.push(this.#hashesTimestamps ? { tag: tagOf('timestamp') } : NO_PLACE)
      else if (i === ttlIndex) places.push({ tag: tagOf('ttl') })
      else places.push(rest.shift() ?? NO_PLACE)
    }
    places.push({ tag: tagOf('row', operation.name) })
    return places
  }

  #placeOf({ name, cql, type }: Column): Place {
    const tag = tagOf('column', name, cql)
    return this.#tableTtl !== undefined && hasUdt(type) ? { tag, type } : { tag }
  }

  #head(tag: Buffer, length: number): void {
    if (this.#at + HEAD_BYTES > SLAB_BYTES) this.#flush()
    for (let i = 0; i < 8; i++) this.#slab[this.#at++] = tag[i] as number
    this.#slab[this.#at++] = length >>> 24
    this.#slab[this.#at++] = length >>> 16
    this.#slab[this.#at++] = length >>> 8
    this.#slab[this.#at++] = length
  }

  #bytes(bytes: Buffer, from: number, to: number): void {
    const size = to - from
    if (this.#at + size > SLAB_BYTES) this.#flush()
    if (size > SLAB_BYTES) this.#hash?.update(bytes.subarray(from, to))
    else if (size > 32) this.#at += bytes.copy(this.#slab, this.#at, from, to)
    else for (let i = from; i < to; i++) this.#slab[this.#at++] = bytes[i] as number
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

function tagOf(...names: string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(names)).digest().subarray(0, 8)
}
