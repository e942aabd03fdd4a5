import { describe, expect, it } from 'vitest'
import { PageBuffers } from '../../../lib/read/pageBuffers.ts'

const MIB = 1024 * 1024

const chunksOf = (text: string) => text.split(' ').map(part => Buffer.from(part))

describe('the memory of pages', () => {
  it('has the bytes of all chunks, without those of the next answer', () => {
    const buffers = new PageBuffers()
    expect(buffers.join(chunksOf('abc de fgh'), 6).toString()).toBe('abcdef')
  })

  it('is used again only after it was given back', () => {
    const buffers = new PageBuffers()
    const first = buffers.join(chunksOf('first page'), 9)
    const second = buffers.join(chunksOf('second page'), 10)
    expect(first.buffer).not.toBe(second.buffer)
    expect(first.toString()).toBe('firstpage')
    buffers.giveBack(first)
    const third = buffers.join(chunksOf('a third page'), 10)
    expect(third.buffer).toBe(first.buffer)
    const fourth = buffers.join(chunksOf('and fourth'), 9)
    expect([second, third, fourth].map(String)).toEqual(['secondpage', 'athirdpage', 'andfourth'])
  })

  it('is used for a page that fits into it', () => {
    const buffers = new PageBuffers()
    const small = buffers.join([Buffer.alloc(MIB, 1)], MIB)
    const large = buffers.join([Buffer.alloc(2 * MIB, 2)], 2 * MIB)
    buffers.giveBack(small)
    buffers.giveBack(large)
    expect(buffers.join([Buffer.alloc(MIB + 1, 3)], MIB + 1).buffer).toBe(large.buffer)
    expect(buffers.join([Buffer.alloc(MIB, 4)], MIB).buffer).toBe(small.buffer)
  })

  it('is kept up to 16 MiB', () => {
    const buffers = new PageBuffers()
    const pages = Array.from({ length: 24 }, () => buffers.join([Buffer.alloc(MIB)], MIB))
    for (const page of pages) buffers.giveBack(page)
    const known = new Set(pages.map(({ buffer }) => buffer))
    const again = pages.map(() => buffers.join([Buffer.alloc(MIB)], MIB))
    expect(again.filter(({ buffer }) => known.has(buffer))).toHaveLength(16)
    const huge = buffers.join([Buffer.alloc(17 * MIB)], 17 * MIB)
    buffers.giveBack(huge)
    expect(buffers.join([Buffer.alloc(17 * MIB)], 17 * MIB).buffer).not.toBe(huge.buffer)
  })
})
