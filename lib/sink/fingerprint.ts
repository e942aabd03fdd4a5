import { createHash, type Hash } from 'node:crypto'
import { UNSET_LENGTH } from '../encode/bind.ts'
import type { EncodedRow } from '../encode/encodedRow.ts'
import type { Statement } from '../table/statement.ts'

/** Rows with one fingerprint together, so that a replay can say where it differs. */
export const BLOCK_ROWS = 256

const SLAB_BYTES = 64 * 1024
const HEAD_BYTES = 8 + 4
const NO_TAG = Buffer.alloc(0)

/**
 * What rows are, whenever they are written: the operation, and each value with its column. The write time has no part
 * in it unless it is the row's own. Columns count by name, so one that is added to the table changes nothing.
 */
export class Fingerprint {
  readonly #hashesTimestamps: boolean
  readonly #blockRows: number
  readonly #tags = new Map<Statement, readonly Buffer[]>()
  /** Many small values go to the hash at once: a call costs more than the bytes. */
  readonly #slab = Buffer.allocUnsafe(SLAB_BYTES)
  #at = 0
  #hash: Hash | undefined
  #rows = 0
  readonly #blocks: string[] = []

  /** @param hashesTimestamps whether rows bring their own write time */
  constructor(hashesTimestamps: boolean, blockRows: number) {
    this.#hashesTimestamps = hashesTimestamps
    this.#blockRows = blockRows
  }

  add({ statement, slab, start, end }: EncodedRow): void {
    let tags = this.#tags.get(statement)
    if (tags === undefined) {
      tags = this.#tagsOf(statement)
      this.#tags.set(statement, tags)
    }
    this.#head(tags[statement.binds] as Buffer, 0)
    for (let i = 0, at = start; at < end; i++) {
      const tag = tags[i] as Buffer
      const length = slab.readInt32BE(at)
      const from = at + 4
      at = from + Math.max(length, 0)
      if (tag === NO_TAG || length === UNSET_LENGTH) continue
      this.#head(tag, length)
      if (length > 0) this.#bytes(slab, from, at)
    }
    if (++this.#rows % this.#blockRows === 0) this.#closeBlock()
  }

  /** One for each block; the last may be of fewer rows. Called once, after the last row. */
  blocks(): readonly string[] {
    if (this.#rows % this.#blockRows !== 0) this.#closeBlock()
    return this.#blocks
  }

  /** Tags of what is bound, in its order; the last is that of the operation. */
  #tagsOf({ operation, columns, timestampIndex, ttlIndex, binds }: Statement): Buffer[] {
    const tags: Buffer[] = []
    const rest = columns.map(({ name, cql }) => tagOf('column', name, cql))
    for (let i = 0; i < binds; i++) {
      if (i === timestampIndex) tags.push(this.#hashesTimestamps ? tagOf('timestamp') : NO_TAG)
      else if (i === ttlIndex) tags.push(tagOf('ttl'))
      else tags.push(rest.shift() ?? NO_TAG)
    }
    tags.push(tagOf('row', operation))
    return tags
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
