/** Bytes that are set aside at once for many rows: an object for each value would cost more than the value. */
const SLAB_BYTES = 64 * 1024

/** Above this a row gets memory of its own: one that waits long must not keep many others in memory. */
const SHARING_BYTES = 4 * 1024

const NO_BYTES = Buffer.alloc(0)

/** Stands for the lengths and counts that are not known yet. */
const LENGTH_BYTES = 4

const scratch = new DataView(new ArrayBuffer(8))

/** Thrown when a row takes more than it may: an endless iterator must end. */
export class TooManyBytes {
  readonly limit: number
  /** What the row would have taken up to there. */
  readonly needed: number

  constructor(limit: number, needed: number) {
    this.limit = limit
    this.needed = needed
  }
}

/**
 * Where rows are written one after the other. What is written belongs to the row in progress until it is closed; offsets
 * count from its beginning, since its bytes move to another slab when they outgrow the one they are in.
 */
export class Bytes {
  readonly #limit: number
  #slab: Buffer = NO_BYTES
  #start = 0
  #end = 0

  /** @param limit most bytes of a row; at least a slab */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Begins a row. One that was not closed, because a value of it was refused, is forgotten. */
  begin(): void {
    this.#end = this.#start
    if (this.#slab.length > SLAB_BYTES) this.#forget()
  }

  /** Closes the row; from now on its bytes are left as they are. */
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

  /** What holds the row in progress, until the next {@link claim}. */
  get slab(): Buffer {
    return this.#slab
  }

  /** Makes room for the next bytes of the row and returns their place in the {@link slab}: the caller fills them. */
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
    // The call into set() costs more than a few bytes do.
    if (size <= 24) for (let i = 0; i < size; i++) this.#slab[at + i] = bytes[i] as number
    else this.#slab.set(bytes, at)
  }

  /** Writes a text of ASCII characters; else writes nothing and returns false. */
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

  /** Writes a text as UTF-8 and returns how many bytes it took. */
  utf8(text: string): number {
    const size = Buffer.byteLength(text)
    const at = this.claim(size)
    this.#slab.write(text, at, size)
    return size
  }

  /** Leaves room for the length of what comes next; the result is for {@link closeSized}. */
  openSized(): number {
    this.claim(LENGTH_BYTES)
    return this.#end - this.#start
  }

  /** Puts the length before what was written since, and returns it. */
  closeSized(from: number): number {
    const size = this.#end - this.#start - from
    setInt32(this.#slab, this.#start + from - LENGTH_BYTES, size)
    return size
  }

  setInt32(offset: number, integer: number): void {
    setInt32(this.#slab, this.#start + offset, integer)
  }

  /** The bytes of the row from `offset` on, as they stand now. */
  view(offset: number): Buffer {
    return this.#slab.subarray(this.#start + offset, this.#end)
  }

  /** Moves the bytes from `offset` on by so many, for what turned out to come before them. */
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
    // A row that outgrows a slab may go on growing, so that it is not moved for each of its values.
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

/** A property of their own may tell another length of bytes, with memory of others behind them. */
export function trueLength(bytes: Uint8Array): number {
  return lengthGetter.call(bytes)
}

/** Big-endian, as all of the protocol. Writing the bytes here is faster than Buffer's checked writers. */
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
