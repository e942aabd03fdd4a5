import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowBuffer } from '../../../lib/batch/buffer.ts'
import { BufferedBytes } from '../../../lib/batch/bufferedBytes.ts'
import { byteLengthOf, type EncodedRow } from '../../../lib/row/encodedRow.ts'
import { anyFlush, encodeAll } from './rows.ts'

const [row] = encodeAll([{ p: 1, c: 1, v: 'x' }]) as [EncodedRow]

/** Buffers of one connection, and a record of their flushes by bytes. */
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
  it('is full at its number of rows', () => {
    const { buffer } = scene(1_000_000, 2)
    buffer.push(row)
    expect(buffer.isFull).toBe(false)
    buffer.push(row)
    expect(buffer.isFull).toBe(true)
  })

  it('returns its rows in order, and is then empty', () => {
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
  it('are full by the bytes of all of them together, and are flushed together', () => {
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

  it('start to count again after one was emptied', () => {
    const { buffered, buffer } = scene(2 * byteLengthOf(row))
    buffer.push(row)
    buffer.drain()
    buffer.push(row)
    expect(buffered.isFull).toBe(false)
    buffer.push(row)
    expect(buffered.isFull).toBe(true)
  })
})
