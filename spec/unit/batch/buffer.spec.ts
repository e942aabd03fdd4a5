import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowBuffer } from '../../../lib/batch/buffer.ts'
import { BufferedBytes } from '../../../lib/batch/bufferedBytes.ts'
import { byteLengthOf, type EncodedRow } from '../../../lib/row/encodedRow.ts'
import { anyFlush, encodeAll } from './rows.ts'

const [row] = encodeAll([{ p: 1, c: 1, v: 'x' }]) as [EncodedRow]

/** Buffers of so many rows on one connection, and what they were emptied of by bytes. */
function scene(mostBytes: number, mostRows = 1_000) {
  const buffered = new BufferedBytes(mostBytes)
  const flushed: number[] = []
  const open = () => {
    const buffer: RowBuffer = new RowBuffer(mostRows, buffered, () => flushed.push(buffer.drain().length))
    return buffer
  }
  return { buffered, flushed, open, buffer: open() }
}

describe('the buffer of rows', () => {
  it('is full by count', () => {
    const { buffer } = scene(1_000_000, 2)
    buffer.push(row)
    expect(buffer.isFull).toBe(false)
    buffer.push(row)
    expect(buffer.isFull).toBe(true)
  })

  it('gives back what was put in, in order, and is then empty', () => {
    fc.assert(
      fc.property(anyFlush, rows => {
        const { buffer, buffered } = scene(100_000)
        for (const each of rows) buffer.push(each)
        expect(buffer.drain()).toEqual(rows)
        expect(buffer.isFull).toBe(false)
        expect(buffer.drain()).toEqual([])
        buffered.add(99_999)
        expect(buffered.isFull).toBe(false)
      }),
    )
  })
})

describe('the buffers of several tables', () => {
  it('are full by the bytes of all of them, and flushed together', () => {
    const { buffered, flushed, open, buffer } = scene(3 * byteLengthOf(row))
    const [other, empty] = [open(), open()]
    buffer.push(row)
    other.push(row)
    expect(buffered.isFull).toBe(false)
    other.push(row)
    expect(buffered.isFull).toBe(true)
    buffered.flush()
    expect(flushed).toEqual([1, 2])
    expect(buffered.isFull).toBe(false)
    expect([buffer, other, empty].map(each => each.drain())).toEqual([[], [], []])
  })

  it('count anew after one was emptied', () => {
    const { buffered, buffer } = scene(2 * byteLengthOf(row))
    buffer.push(row)
    buffer.drain()
    buffer.push(row)
    expect(buffered.isFull).toBe(false)
    buffer.push(row)
    expect(buffered.isFull).toBe(true)
  })
})
