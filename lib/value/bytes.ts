/** Bytes that are allocated at once for many rows, because one object per value would cost more than the value. */
const SLAB_BYTES = 64 * 1024

/** Above this a row gets its own memory, because a row that waits long must not keep many others in memory. */
const SHARING_BYTES = 4 * 1024

const NO_BYTES = Buffer.alloc(0)

/** Placeholder for lengths and counts that are not known yet. */
const LENGTH_BYTES = 4

const scratch = new DataView(new ArrayBuffer(8))

/** Thrown when a row exceeds its limit, which also ends endless iterators. */
export class TooManyBytes {
  readonly limit: number
  /** Bytes that the row would have taken up to this point. */
  readonly needed: number

  constructor(limit: number, needed: number) {
    this.limit = limit
    this.needed = needed
  }
}

/**
 * Writes rows one after the other into slabs. Written bytes belong to the current row until it is closed. Offsets count from
 * its beginning, because its bytes move to another slab when they outgrow the current one.
 */
export class Bytes {
  readonly #limit: number
  #slab: Buffer = NO_BYTES
  #start = 0
  #end = 0

  /** @param limit most bytes of a row, at least one slab */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Begins a row. A row that was not closed, because one of its values was refused, is dropped. */
  begin(): void {
    this.#end = this.#start
    if (this.#slab.length > SLAB_BYTES) this.#forget()
  }

  /** Closes the row. Its bytes no longer change. */
  close(): { readonly slab: Buffer; readonly start: number; readonly end: number } {
    const size = this.length
    if (size > SHARING_BYTES) {
      const slab = Buffer.allocUnsafeSlow(size)
      slab.set(this.#slab.subarray(this.#start, this.#end))
      this.begin()
      return { slab, start: 0, end: size }
    }
    const row = { slab: this.#slab, start: this.#start, end: this.#end }
    this.#start = this.#end
    return row
  }

  /** Bytes of the row so far. */
  get length(): number {
    return this.#end - this.#start
  }

  /** The slab of the current row, valid until the next {@link claim}. */
  get slab(): Buffer {
    return this.#slab
  }

  /** Reserves the next bytes of the row and returns their offset in the {@link slab}. The caller fills them. */
  claim(size: number): number {
    const at = this.#end
    if (at + size > this.#slab.length) return this.#claimElsewhere(size)
    this.#end = at + size
    return at
  }

  int8(integer: number): void {
    const at = this.claim(1)
    this.#slab[at] = integer
  }

  int32(integer: number): void {
    const at = this.claim(4)
    setInt32(this.#slab, at, integer)
  }

  int64(integer: number | bigint): void {
    const at = this.claim(8)
    setInt64(this.#slab, at, integer)
  }

  add(bytes: Uint8Array): void {
    const size = trueLength(bytes)
    const at = this.claim(size)
    // For a few bytes, a loop is cheaper than the call of set().
    if (size <= 24) for (let i = 0; i < size; i++) this.#slab[at + i] = bytes[i] as number
    else this.#slab.set(bytes, at)
  }

  /** Writes a text of ASCII characters. For any other text, writes nothing and returns false. */
  ascii(text: string): boolean {
    const { length } = text
    const at = this.claim(length)
    const slab = this.#slab
    let bits = 0
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      bits |= code
      slab[at + i] = code
    }
    if (bits <= 0x7f) return true
    this.#end = at
    return false
  }

  /** Writes a text as UTF-8 and returns its number of bytes. */
  utf8(text: string): number {
    const size = Buffer.byteLength(text)
    const at = this.claim(size)
    this.#slab.write(text, at, size)
    return size
  }

  /** Leaves room for the length of the next bytes. Pass the result to {@link closeSized}. */
  openSized(): number {
    this.claim(LENGTH_BYTES)
    return this.#end - this.#start
  }

  /** Writes the length of the bytes since {@link openSized} before them, and returns it. */
  closeSized(from: number): number {
    const size = this.#end - this.#start - from
    setInt32(this.#slab, this.#start + from - LENGTH_BYTES, size)
    return size
  }

  setInt32(offset: number, integer: number): void {
    setInt32(this.#slab, this.#start + offset, integer)
  }

  /** The current bytes of the row from `offset` on. */
  view(offset: number): Buffer {
    return this.#slab.subarray(this.#start + offset, this.#end)
  }

  /** Moves the bytes from `offset` on, to make room for bytes that belong before them. */
  shift(offset: number, by: number): void {
    this.claim(by)
    const from = this.#start + offset
    this.#slab.copyWithin(from + by, from, this.#end - by)
  }

  #forget(): void {
    this.#slab = NO_BYTES
    this.#start = 0
    this.#end = 0
  }

  #claimElsewhere(size: number): number {
    const used = this.length
    const needed = used + size
    if (needed > this.#limit) throw new TooManyBytes(this.#limit, needed)
    // A row that outgrows a slab gets room to grow, so that it does not move with each value.
    const wanted = used > 0 ? 2 * needed : needed
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, Math.min(wanted, this.#limit)))
    slab.set(this.#slab.subarray(this.#start, this.#end))
    this.#slab = slab
    this.#start = 0
    this.#end = needed
    return used
  }
}

const { get: lengthGetter } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  'length',
) as { get: () => number }

/** A caller can shadow `length`. Trusting it could read past the view into unrelated memory. */
export function trueLength(bytes: Uint8Array): number {
  return lengthGetter.call(bytes)
}

/** Big-endian, like the whole protocol. Faster than Buffer's checked writers. */
function setInt32(bytes: Uint8Array, offset: number, integer: number): void {
  bytes[offset] = integer >> 24
  bytes[offset + 1] = integer >> 16
  bytes[offset + 2] = integer >> 8
  bytes[offset + 3] = integer
}

/** A safe integer, or a BigInt of 64 bits. */
export function setInt64(bytes: Uint8Array, offset: number, integer: number | bigint): void {
  if (typeof integer === 'number') {
    setInt32(bytes, offset, Math.floor(integer / 0x1_0000_0000))
    // `| 0` keeps the low 32 bits of a safe integer, whatever its size.
    setInt32(bytes, offset + 4, integer | 0)
    return
  }
  scratch.setBigInt64(0, integer)
  setInt32(bytes, offset, scratch.getInt32(0))
  setInt32(bytes, offset + 4, scratch.getInt32(4))
}
