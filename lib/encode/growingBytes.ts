import { setInt32 } from './integers.ts'
import { Refusal } from './refusal.ts'
import { vintSize, writeVint } from './vint.ts'

/** Cassandra takes no mutation above this (half of its commit log segment), and an endless iterator must end. */
const mostBytes = 16 * 1024 * 1024

/** The bytes of a collection while its elements are added. */
export class GrowingBytes {
  #bytes: Buffer
  #length = 0
  readonly #value: unknown

  /** `value` is what is being encoded, named in the refusal when it is too large. */
  constructor(value: unknown, expected: number) {
    this.#value = value
    this.#bytes = Buffer.allocUnsafe(Math.min(expected, mostBytes))
  }

  int32(integer: number): void {
    this.#reserve(4)
    this.setInt32(this.#length, integer)
    this.#length += 4
  }

  setInt32(offset: number, integer: number): void {
    setInt32(this.#bytes, offset, integer)
  }

  add(bytes: Buffer): void {
    this.#reserve(bytes.length)
    const size = bytes.length
    // The call into set() costs more than a few bytes do.
    if (size <= 24) for (let i = 0; i < size; i++) this.#bytes[this.#length + i] = bytes[i] as number
    else this.#bytes.set(bytes, this.#length)
    this.#length += size
  }

  vint(integer: number): void {
    const value = BigInt(integer)
    this.#reserve(vintSize(value))
    this.#length = writeVint(this.#bytes, this.#length, value)
  }

  /** Bytes with their length before them. */
  addSized(bytes: Buffer): void {
    this.int32(bytes.length)
    this.add(bytes)
  }

  toBuffer(): Buffer {
    const used = this.#bytes.subarray(0, this.#length)
    // Rows wait in memory: what they hold on to should be near what they count as.
    return this.#length * 2 + 1024 < this.#bytes.length ? Buffer.from(used) : used
  }

  #reserve(size: number): void {
    const needed = this.#length + size
    if (needed <= this.#bytes.length) return
    if (needed > mostBytes) throw new Refusal(this.#value, `takes more than ${mostBytes} bytes`)
    const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, this.#bytes.length * 2), mostBytes))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
