import { describe, expect, it } from 'vitest'
import { PageBuffers } from '../../../lib/read/pageBuffers.ts'

const MIB = 1024 * 1024

/** Bytes of one value, joined as the page of an answer. */
const pageOf = (buffers: PageBuffers, value: number, size = MIB) =>
  buffers.join([Buffer.alloc(1000, value), Buffer.alloc(size, value)], size)

const isFilled = (bytes: Buffer, value: number) => bytes.equals(Buffer.alloc(bytes.length, value))

describe('the memory of pages', () => {
  it.each([10, MIB, 3 * MIB])('has the first %i bytes of all chunks', size => {
    const buffers = new PageBuffers()
    const chunks = [Buffer.alloc(7, 1), Buffer.alloc(size - 8, 2), Buffer.alloc(9, 3)]
    expect(buffers.join(chunks, size).equals(Buffer.concat(chunks, size))).toBe(true)
  })

  it('is used again only after it was given back', () => {
    const buffers = new PageBuffers()
    const first = pageOf(buffers, 1)
    const second = pageOf(buffers, 2)
    expect(first.buffer).not.toBe(second.buffer)
    buffers.giveBack(first)
    // Twice by mistake.
    buffers.giveBack(first)
    const third = pageOf(buffers, 3, 2 * MIB)
    const fourth = pageOf(buffers, 4)
    expect(third.buffer).toBe(first.buffer)
    expect(fourth.buffer).not.toBe(first.buffer)
    const isWhole = [second, third, fourth].map((page, i) => isFilled(page, i + 2))
    expect(isWhole).toEqual([true, true, true])
  })

  it.each([1000, 3 * MIB])('of a page of %i bytes is its own', size => {
    const buffers = new PageBuffers()
    const page = pageOf(buffers, 1, size)
    expect(buffers.hasLent(page)).toBe(false)
    buffers.giveBack(page)
    expect(isFilled(pageOf(buffers, 2, size), 2)).toBe(true)
    expect(isFilled(page, 1)).toBe(true)
  })

  it('is kept for a few pages, and used again however many pages waited at once', () => {
    const buffers = new PageBuffers()
    for (const waiting of [40, 8, 40]) {
      const pages = Array.from({ length: waiting }, (_, i) =>
        pageOf(buffers, i, i % 2 === 0 ? MIB / 2 : 2 * MIB),
      )
      const known = new Set(pages.map(({ buffer }) => buffer))
      for (const page of pages) buffers.giveBack(page)
      const again = pages.map(() => pageOf(buffers, 0))
      expect(again.filter(({ buffer }) => known.has(buffer))).toHaveLength(6)
      for (const page of again) buffers.giveBack(page)
    }
  })

  it('is free after close(), also that of a page that comes later', () => {
    const buffers = new PageBuffers()
    const [first, second] = [pageOf(buffers, 1), pageOf(buffers, 2)]
    buffers.giveBack(first)
    buffers.close()
    buffers.giveBack(second)
    expect([first.buffer, second.buffer]).not.toContain(pageOf(buffers, 3).buffer)
  })
})
