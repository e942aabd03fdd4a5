/** Most memory that is kept for the next pages. A page has about 2 MiB, unless its rows are larger. */
const MOST_FREE_BYTES = 16 * 1024 * 1024

/** New memory has a multiple of this size, so that pages of about the same size can use it. */
const STEP_BYTES = 256 * 1024

/**
 * Memory for pages, used again and again. It is outside the heap of V8, which collects its whole heap each time when that memory has
 * grown by some MiB.
 */
export class PageBuffers {
  #free: Buffer[] = []
  #freeBytes = 0

  /** Copies chunks into one buffer. */
  join(chunks: readonly Buffer[], size: number): Buffer {
    const bytes = this.#take(size).subarray(0, size)
    let at = 0
    for (const chunk of chunks) at += chunk.copy(bytes, at)
    return bytes
  }

  /** Takes back what `join()` returned. Nothing may use it afterwards. */
  giveBack({ buffer }: Buffer): void {
    if (this.#freeBytes + buffer.byteLength > MOST_FREE_BYTES) return
    this.#freeBytes += buffer.byteLength
    this.#free.push(Buffer.from(buffer as ArrayBuffer))
  }

  #take(size: number): Buffer {
    const found = this.#free.findIndex(({ length }) => length >= size)
    const [bytes] = found === -1 ? [] : this.#free.splice(found, 1)
    if (bytes === undefined) return Buffer.allocUnsafeSlow(Math.ceil(size / STEP_BYTES) * STEP_BYTES)
    this.#freeBytes -= bytes.length
    return bytes
  }
}
