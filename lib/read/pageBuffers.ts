/** Enough for a page, which has up to about 2 MiB. One of larger rows has its own memory. */
const BUFFER_BYTES = 2_621_440

/** A smaller page has its own memory too. It would hold too much of a buffer, and costs little. */
const LEAST_BYTES = 262_144

/** Buffers that are kept for the next pages. */
const MOST_FREE = 6

/**
 * Memory for pages, used again and again. It is outside the heap of V8, which collects its whole heap each time when that memory has
 * grown by some MiB.
 */
export class PageBuffers {
  readonly #free: Buffer[] = []
  readonly #lent = new WeakSet<Buffer>()
  #isClosed = false

  /** Copies chunks into one buffer. */
  join(chunks: readonly Buffer[], size: number): Buffer {
    if (size < LEAST_BYTES || size > BUFFER_BYTES) return Buffer.concat(chunks, size)
    const bytes = (this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)).subarray(0, size)
    let at = 0
    for (const chunk of chunks) at += chunk.copy(bytes, at)
    this.#lent.add(bytes)
    return bytes
  }

  /** Whether some bytes come from `join()`, are not given back yet, and are worth giving back. */
  hasLent(bytes: Buffer): boolean {
    return this.#lent.has(bytes)
  }

  /** Takes back what `join()` returned. Nothing may use it afterwards. */
  giveBack(bytes: Buffer): void {
    if (!this.#lent.delete(bytes) || this.#isClosed || this.#free.length >= MOST_FREE) return
    this.#free.push(Buffer.from(bytes.buffer as ArrayBuffer))
  }

  /** Frees the memory. Pages that still come are joined as before, and not kept. */
  close(): void {
    this.#isClosed = true
    this.#free.length = 0
  }
}
